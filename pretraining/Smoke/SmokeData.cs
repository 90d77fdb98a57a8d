using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Smoke;

/// <summary>A handful of drawn icons in the place of the emoji: the recipes run without any download.</summary>
static class SmokeData
{
    static readonly string[] s_styles = ["twemoji", "fluent-3d"];

    /// <summary>Writes the data folder.</summary>
    public static void Write(string folder)
    {
        var concepts = new List<EmojiConcept>();
        var icons = new List<Icon>();
        var pixels = new List<byte[]>();
        var random = new CounterRandom(1);
        foreach (var shape in new[] { ShapeKind.Circle, ShapeKind.Square, ShapeKind.Star, ShapeKind.Heart })
            for (var color = 0; color < 5; color++)
            {
                var name = $"{SceneWords.Colors[color].Name} {SceneWords.Of(shape)}";
                foreach (var (style, texture) in s_styles.Zip([0, 1]))
                {
                    icons.Add(new Icon(concepts.Count, style));
                    pixels.Add(Draw(shape, color, texture, ref random));
                }

                concepts.Add(new EmojiConcept(
                    $"{concepts.Count:X5}", name, [name.Split(' ')[0]], "food-drink", color == 4 ? "heldout" : "pretrain", s_styles.ToDictionary(s => s, _ => name)));
            }

        new IconPack(concepts, icons, [.. pixels]).Save(folder);
    }

    static byte[] Draw(ShapeKind shape, int color, int texture, ref CounterRandom random)
    {
        const int side = IconPack.Side;
        var canvas = new Canvas(side, side);
        var rgba = new byte[side * side * 4];
        new ShapeBrush(
            new ShapeOutline(shape, ref random), side / 2.0, side / 2.0, side * 0.45, 1, 0,
            Paints.Of(texture, SceneWords.Shade(color, 0, ref random), ref random)).Draw(canvas, (at, alpha) => rgba[(at * 4) + 3] = (byte)(alpha * 255));
        for (var i = 0; i < canvas.Pixels.Length; i++)
            for (var c = 0; c < 3; c++)
                rgba[(i * 4) + c] = (byte)Math.Clamp(canvas.Pixels[i][c] * 255, 0, 255);
        return rgba;
    }
}
