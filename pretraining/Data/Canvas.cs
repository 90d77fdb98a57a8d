using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Data;

/// <summary>A picture in the making: [Height, Width] pixels of R, G, B and an unused fourth value, each in [0, 1].</summary>
sealed class Canvas(int width, int height)
{
    /// <summary>Columns.</summary>
    public int Width { get; } = width;

    /// <summary>Rows.</summary>
    public int Height { get; } = height;

    /// <summary>The pixels, row after row.</summary>
    public Vector128<float>[] Pixels { get; } = new Vector128<float>[width * height];

    /// <summary>Paints everything in one colour.</summary>
    public void Fill(Vector128<float> color) => Pixels.AsSpan().Fill(color);

    /// <summary>Paints a straight transition from one colour to another, in the direction (dx, dy).</summary>
    public void Gradient(Vector128<float> from, Vector128<float> to, double dx, double dy)
    {
        var norm = 1 / Math.Max(1e-6, Math.Abs(dx) + Math.Abs(dy));
        for (var y = 0; y < Height; y++)
            for (var x = 0; x < Width; x++)
            {
                var part = 0.5 + ((((x + 0.5) / Width * 2) - 1) * dx * norm * 0.5) + ((((y + 0.5) / Height * 2) - 1) * dy * norm * 0.5);
                Pixels[(y * Width) + x] = from + ((to - from) * (float)part);
            }
    }

    /// <summary>A copy as bytes, R G B a pixel.</summary>
    public byte[] ToRgb()
    {
        var bytes = new byte[Pixels.Length * 3];
        for (var i = 0; i < Pixels.Length; i++)
            for (var c = 0; c < 3; c++)
                bytes[(i * 3) + c] = (byte)Math.Clamp((Pixels[i][c] * 255) + 0.5f, 0, 255);
        return bytes;
    }

    /// <summary>Pictures of one size as a channels-last tensor [B, 3, H, W] in [-1, 1].</summary>
    public static Tensor ToTensor(IReadOnlyList<Canvas> canvases)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (canvases[0].Height, canvases[0].Width);
        var result = empty([canvases.Count, height, width, 3], dtype: ScalarType.Float32);
        var values = MemoryMarshal.Cast<byte, float>(result.bytes);
        var at = 0;
        foreach (var canvas in canvases)
            foreach (var pixel in canvas.Pixels)
            {
                values[at] = (pixel[0] * 2) - 1;
                values[at + 1] = (pixel[1] * 2) - 1;
                values[at + 2] = (pixel[2] * 2) - 1;
                at += 3;
            }

        return result.permute(0, 3, 1, 2).MoveToOuterDisposeScope(); // [B, H, W, 3] -> [B, 3, H, W]
    }
}
