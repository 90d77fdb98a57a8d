using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>The words for colours and textures, and the pairs of colour and shape that training never shows.</summary>
static class SceneWords
{
    // Three diagonals in twenty: 18 of the 120 pairs of ten colours and twelve shapes, one or two of every colour and every shape.
    const int Period = 20;

    /// <summary>Colour words: hue in degrees, saturation, value.</summary>
    public static readonly IReadOnlyList<(string Name, double Hue, double Saturation, double Value)> Colors =
    [
        ("red", 2, 0.82, 0.88), ("orange", 28, 0.88, 0.95), ("yellow", 50, 0.82, 0.95), ("green", 125, 0.62, 0.68), ("blue", 214, 0.75, 0.85),
        ("purple", 275, 0.58, 0.7), ("pink", 338, 0.38, 0.96), ("brown", 24, 0.6, 0.5), ("gray", 0, 0, 0.55), ("black", 0, 0, 0.1),
    ];

    /// <summary>Texture words; the first is said never.</summary>
    public static readonly IReadOnlyList<string> Textures = ["plain", "striped", "dotted", "checkered"];

    /// <summary>The word for a shape.</summary>
    public static string Of(ShapeKind shape) => shape.ToString().ToLowerInvariant();

    /// <summary>Whether training leaves a pair out, to see later what the words alone are worth.</summary>
    public static bool IsHeldOut(int color, ShapeKind shape) => (color + (int)shape) % Period is 0 or 7 or 13;

    /// <summary>A shade of a colour.</summary>
    /// <param name="color">The colour's position in <see cref="Colors"/>.</param>
    /// <param name="spread">How far shades differ, 0 to 1.</param>
    /// <param name="random">Decides.</param>
    public static Vector128<float> Shade(int color, double spread, ref CounterRandom random)
    {
        var (_, hue, saturation, value) = Colors[color];
        return Hsv(
            hue + random.Next(-8 * spread, 8 * spread),
            saturation == 0 ? 0 : saturation + random.Next(-0.12 * spread, 0.12 * spread),
            value + random.Next(-0.1 * spread, 0.1 * spread));
    }

    /// <summary>A colour from hue (degrees), saturation and value.</summary>
    public static Vector128<float> Hsv(double hue, double saturation, double value)
    {
        saturation = Math.Clamp(saturation, 0, 1);
        value = Math.Clamp(value, 0, 1);
        return Vector128.Create(Channel(5), Channel(3), Channel(1), 0);

        float Channel(int n)
        {
            var k = ((n + (hue / 60)) % 6 + 6) % 6;
            return (float)(value - (value * saturation * Math.Max(0, Math.Min(Math.Min(k, 4 - k), 1))));
        }
    }
}
