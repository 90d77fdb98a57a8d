using Cones.Models.Imaging;
using SkiaSharp;

namespace Cones.Visualization;

/// <summary>Lets Skia draw on an image.</summary>
static class SkiaCanvas
{
    const int Channels = 4;

    internal static unsafe void Draw(RgbImage image, Action<SKCanvas> draw)
    {
        var rgba = new byte[checked(image.Width * image.Height * Channels)];
        for (int from = 0, to = 0; from < image.Pixels.Length; from += 3, to += Channels)
            (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2], 255);
        fixed (byte* pixels = rgba)
        {
            var info = new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
            using var surface = SKSurface.Create(info, (IntPtr)pixels, image.Width * Channels);
            draw(surface.Canvas);
            surface.Canvas.Flush();
        }

        for (int from = 0, to = 0; to < image.Pixels.Length; from += Channels, to += 3)
            (image.Pixels[to], image.Pixels[to + 1], image.Pixels[to + 2]) = (rgba[from], rgba[from + 1], rgba[from + 2]);
    }
}
