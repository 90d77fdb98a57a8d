using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>The paints of shapes, in the outline's coordinates [-1, 1].</summary>
static class Paints
{
    /// <summary>The paint of a texture; the second colour of patterns is a lighter or darker one, so that the colour's word stays true.</summary>
    public static Func<double, double, Vector128<float>> Of(int texture, Vector128<float> color, ref CounterRandom random)
    {
        var bright = color[0] + color[1] + color[2] > 1.3f;
        var other = color + ((bright ? Vector128<float>.Zero : Vector128<float>.One) - color) * (bright ? 0.4f : 0.55f);
        var (scale, phase) = (random.Next(2.2, 4), random.Next(0, 1));
        return texture switch
        {
            1 => (_, y) => Fraction((y * scale / 2) + phase) < 0.5 ? color : other,
            2 => (x, y) =>
            {
                var (fx, fy) = (Fraction((x * scale / 2) + phase) - 0.5, Fraction((y * scale / 2) + phase) - 0.5);
                return (fx * fx) + (fy * fy) < 0.08 ? other : color;
            }
            ,
            3 => (x, y) => (Fraction((x * scale / 3) + phase) < 0.5) == (Fraction((y * scale / 3) + phase) < 0.5) ? color : other,
            _ => Shaded(color, random.Next(-0.12, 0.12)),
        };
    }

    /// <summary>A cell: pale at the middle or darker at the rim, with a nucleus where <paramref name="nucleus"/> is above 0.</summary>
    public static Func<double, double, Vector128<float>> Cell(Vector128<float> color, double nucleus, double pallor, ref CounterRandom random)
    {
        var (nx, ny) = (random.Next(-0.2, 0.2), random.Next(-0.2, 0.2));
        var stretch = random.Next(0.7, 1.4);
        var dark = color * 0.6f;
        return (x, y) =>
        {
            var (dx, dy) = ((x - nx) * stretch, (y - ny) / stretch);
            if ((dx * dx) + (dy * dy) < nucleus * nucleus) return dark;
            var r2 = Math.Min(1, (x * x) + (y * y));
            return color + ((Vector128.Create(1f, 1f, 1f, 0) - color) * (float)(pallor * (1 - r2)));
        };
    }

    /// <summary>A disc that is lighter around its middle: white by <paramref name="pallor"/> there, its own colour beyond <paramref name="hole"/>.</summary>
    public static Func<double, double, Vector128<float>> Disc(Vector128<float> color, double pallor, double hole, ref CounterRandom random)
    {
        var (hx, hy) = (random.Next(-0.15, 0.15), random.Next(-0.15, 0.15));
        return (x, y) =>
        {
            var r2 = (((x - hx) * (x - hx)) + ((y - hy) * (y - hy))) / (hole * hole);
            return color + ((Vector128.Create(1f, 1f, 1f, 0) - color) * (float)(pallor / (1 + (r2 * r2))));
        };
    }

    // Lighter on one side, as if lit.
    static Func<double, double, Vector128<float>> Shaded(Vector128<float> color, double slope) =>
        (x, y) => Vector128.Min(color * (float)(1 + (slope * (x - y))), Vector128<float>.One);

    static double Fraction(double value) => value - Math.Floor(value);
}
