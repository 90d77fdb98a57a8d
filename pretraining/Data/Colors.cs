using System.Runtime.Intrinsics;

namespace Cones.Pretraining.Data;

/// <summary>Background colours that captions name; those that the sample pictures use have the same values there.</summary>
static class Colors
{
    /// <summary>Name and colour.</summary>
    public static readonly IReadOnlyList<(string Name, Vector128<float> Color)> Named =
    [
        ("white", Rgb(255, 255, 255)),
        ("yellow", Rgb(250, 225, 120)),
        ("blue", Rgb(150, 195, 240)),
        ("pink", Rgb(250, 195, 210)),
        ("gray", Rgb(200, 200, 205)),
        ("green", Rgb(170, 220, 160)),
        ("orange", Rgb(250, 190, 130)),
        ("purple", Rgb(200, 175, 235)),
        ("red", Rgb(235, 130, 120)),
        ("black", Rgb(40, 40, 45)),
    ];

    /// <summary>A colour of 8 bits a channel.</summary>
    public static Vector128<float> Rgb(byte r, byte g, byte b) => Vector128.Create(r / 255f, g / 255f, b / 255f, 0);

    /// <summary>Any colour.</summary>
    public static Vector128<float> Any(ref CounterRandom random) =>
        Vector128.Create((float)random.Next(), (float)random.Next(), (float)random.Next(), 0);

    /// <summary>A colour close to another.</summary>
    public static Vector128<float> Near(Vector128<float> color, double distance, ref CounterRandom random)
    {
        var shift = Vector128.Create((float)random.Next(-distance, distance), (float)random.Next(-distance, distance), (float)random.Next(-distance, distance), 0);
        return Vector128.Min(Vector128.Max(color + shift, Vector128<float>.Zero), Vector128<float>.One);
    }
}
