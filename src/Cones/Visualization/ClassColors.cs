using Cones.Models.Imaging;

namespace Cones.Visualization;

/// <summary>A colour for each class: the same in every picture, and as different from those before as can be.</summary>
/// <remarks>
/// Colours are chosen one after the other, each the farthest from all before and from black, grey and white in Oklab (Ottosson 2020), a
/// space in which distance is difference to the eye. After <see cref="Count"/> they repeat.
/// </remarks>
public static class ClassColors
{
    /// <summary>The number of different colours.</summary>
    public const int Count = 48;

    static readonly Rgb[] s_colors = Choose();

    /// <summary>The colour of a class.</summary>
    /// <param name="index">The class's place in its data set's list, from 0.</param>
    public static Rgb Of(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return s_colors[index % Count];
    }

    /// <summary>Black or white, whichever can be read better on a colour.</summary>
    public static Rgb TextOn(Rgb color) => Lab(color).L > 0.65 ? Rgb.Black : Rgb.White;

    /// <summary>How different two colours look: the distance in Oklab, 1 between black and white.</summary>
    public static double Distance(Rgb a, Rgb b) => Distance(Lab(a), Lab(b));

    static Rgb[] Choose()
    {
        var candidates = new List<(Rgb Color, (double L, double A, double B) Lab)>();
        for (var r = 0; r < 256; r += 17)
            for (var g = 0; g < 256; g += 17)
                for (var b = 0; b < 256; b += 17)
                    AddIfVivid(candidates, new Rgb((byte)r, (byte)g, (byte)b));

        var nearest = new double[candidates.Count];
        Array.Fill(nearest, double.PositiveInfinity);
        foreach (var grey in new byte[] { 0, 128, 255 }) Approach(new Rgb(grey, grey, grey));
        var colors = new Rgb[Count];
        for (var i = 0; i < Count; i++)
        {
            colors[i] = i == 0 ? new Rgb(255, 51, 51) : candidates[Array.IndexOf(nearest, nearest.Max())].Color;
            Approach(colors[i]);
        }

        return colors;

        void Approach(Rgb color)
        {
            var lab = Lab(color);
            for (var c = 0; c < nearest.Length; c++) nearest[c] = Math.Min(nearest[c], Distance(candidates[c].Lab, lab));
        }
    }

    // Pale and dark colours vanish on photographs.
    static void AddIfVivid(List<(Rgb, (double, double, double))> candidates, Rgb color)
    {
        var (l, a, b) = Lab(color);
        if (l is > 0.45 and < 0.92 && (a * a) + (b * b) > 0.1 * 0.1) candidates.Add((color, (l, a, b)));
    }

    static double Distance((double L, double A, double B) a, (double L, double A, double B) b) =>
        Math.Sqrt(((a.L - b.L) * (a.L - b.L)) + ((a.A - b.A) * (a.A - b.A)) + ((a.B - b.B) * (a.B - b.B)));

    static (double L, double A, double B) Lab(Rgb color)
    {
        var (r, g, b) = (Linear(color.R), Linear(color.G), Linear(color.B));
        var l = Math.Cbrt((0.4122214708 * r) + (0.5363325363 * g) + (0.0514459929 * b));
        var m = Math.Cbrt((0.2119034982 * r) + (0.6806995451 * g) + (0.1073969566 * b));
        var s = Math.Cbrt((0.0883024619 * r) + (0.2817188376 * g) + (0.6299787005 * b));
        return (
            (0.2104542553 * l) + (0.7936177850 * m) - (0.0040720468 * s),
            (1.9779984951 * l) - (2.4285922050 * m) + (0.4505937099 * s),
            (0.0259040371 * l) + (0.7827717662 * m) - (0.8086757660 * s));
    }

    static double Linear(byte value)
    {
        var v = value / 255.0;
        return v <= 0.04045 ? v / 12.92 : Math.Pow((v + 0.055) / 1.055, 2.4);
    }
}
