using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Visualization;

/// <summary>Draws a mask as a layer of colour with a solid outline.</summary>
static class MaskPainter
{
    internal static void Draw(RgbImage canvas, RleMask mask, int factor, Rgb color, double opacity, float line)
    {
        var box = mask.Box;
        if (!box.HasExtent) return;
        var inside = mask.Decode();
        var outline = Math.Max(1, (int)(line / 2));
        for (var y = (int)box.Y * factor; y < (int)box.Bottom * factor; y++)
        {
            for (var x = (int)box.X * factor; x < (int)box.Right * factor; x++)
            {
                if (!Inside(x, y)) continue;
                var edge = !(Inside(x - outline, y) && Inside(x + outline, y) && Inside(x, y - outline) && Inside(x, y + outline));
                canvas[x, y] = Blend(canvas[x, y], color, edge ? 1 : opacity);
            }
        }

        // Pixels of the enlarged picture.
        bool Inside(int x, int y) =>
            x >= 0 && y >= 0 && x < mask.Width * factor && y < mask.Height * factor && inside[(y / factor * mask.Width) + (x / factor)] != 0;
    }

    static Rgb Blend(Rgb under, Rgb over, double opacity) =>
        new(Blend(under.R, over.R, opacity), Blend(under.G, over.G, opacity), Blend(under.B, over.B, opacity));

    static byte Blend(byte under, byte over, double opacity) => (byte)Math.Round(under + ((over - under) * opacity));
}
