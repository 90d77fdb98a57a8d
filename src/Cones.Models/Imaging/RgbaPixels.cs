namespace Cones.Models.Imaging;

/// <summary>A decoded image with alpha, not multiplied in.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Values">R G B A a pixel, row after row.</param>
sealed record RgbaPixels(int Width, int Height, byte[] Values)
{
    /// <summary>The colours without alpha.</summary>
    internal byte[] Rgb()
    {
        var rgb = GC.AllocateUninitializedArray<byte>(Values.Length / 4 * 3);
        for (int from = 0, to = 0; to < rgb.Length; from += 4, to += 3)
            (rgb[to], rgb[to + 1], rgb[to + 2]) = (Values[from], Values[from + 1], Values[from + 2]);
        return rgb;
    }

    /// <summary>The colours over a background.</summary>
    internal byte[] Over(Rgb background)
    {
        var rgb = GC.AllocateUninitializedArray<byte>(Values.Length / 4 * 3);
        for (int from = 0, to = 0; to < rgb.Length; from += 4, to += 3)
        {
            int alpha = Values[from + 3];
            rgb[to] = Blend(Values[from], background.R, alpha);
            rgb[to + 1] = Blend(Values[from + 1], background.G, alpha);
            rgb[to + 2] = Blend(Values[from + 2], background.B, alpha);
        }

        return rgb;
    }

    static byte Blend(int over, int under, int alpha) => (byte)(((over * alpha) + (under * (255 - alpha)) + 127) / 255);
}
