using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>Scenes as a microscope shows them: many cells of similar size, few larger ones with a nucleus, small blobs, rods.</summary>
static class MicroscopyScene
{
    // Many cells' colours: whatever the stain, the words stay those of drawn shapes.
    static readonly int[] s_colors = [.. new[] { "pink", "purple", "red", "blue", "brown", "gray", "green" }.Select(n => SceneWords.Colors.ToList().FindIndex(c => c.Name == n))];

    /// <summary>Draws one.</summary>
    public static Scene Draw(SceneOptions options, ref CounterRandom random)
    {
        var layers = new SceneLayers(new Canvas(options.Side, options.Side));
        layers.Canvas.Fill(SceneWords.Hsv(random.Next(0, 360), random.Next(0, 0.12), random.Next(0.82, 1)));
        Backgrounds.Noise(layers.Canvas, random.Next(0.01, 0.05), random.Next(10, 50), ref random);

        var common = random.Pick(s_colors);
        var size = options.Side * random.Next(0.06, 0.12);
        var round = random.Chance(0.75) ? ShapeKind.Circle : ShapeKind.Rod;
        Many(layers, new SceneClass(round, common, 0, null), size, 6 + random.Below(24), options.Side, ref random);
        if (random.Chance(0.7)) Many(layers, new SceneClass(ShapeKind.Cell, Other(common, ref random), 0, null), size * random.Next(1.2, 1.9), 1 + random.Below(3), options.Side, ref random);
        if (random.Chance(0.7)) Many(layers, new SceneClass(ShapeKind.Blob, Other(common, ref random), 0, null), size * random.Next(0.3, 0.5), 1 + random.Below(6), options.Side, ref random);
        if (random.Chance(0.2)) Many(layers, new SceneClass(ShapeKind.Rod, Other(common, ref random), 0, null), size * random.Next(0.5, 0.9), 1 + random.Below(6), options.Side, ref random);
        Backgrounds.Noise(layers.Canvas, random.Next(0.005, 0.03), 1.5, ref random);
        return new Scene(layers.Canvas, layers.Objects());
    }

    static int Other(int color, ref CounterRandom random)
    {
        var other = random.Pick(s_colors);
        return other == color ? s_colors[(Array.IndexOf(s_colors, color) + 1) % s_colors.Length] : other;
    }

    // Cells lie anywhere, also across the border, and shine through each other a little.
    static void Many(SceneLayers layers, SceneClass what, double size, int count, int side, ref CounterRandom random)
    {
        var pallor = random.Next(0, 0.5);
        for (var i = 0; i < count; i++)
        {
            var color = SceneWords.Shade(what.Color, 0.5, ref random);
            var shape = what.Shape!.Value;
            layers.Add(what, new ShapeBrush(
                new ShapeOutline(shape == ShapeKind.Circle ? ShapeKind.Circle : shape, ref random),
                random.Next(0, side), random.Next(0, side), size * random.Next(0.85, 1.15), random.Next(0.85, 1), random.Next(0, 2 * Math.PI),
                Paints.Cell(color, shape == ShapeKind.Cell ? random.Next(0.45, 0.7) : 0, shape == ShapeKind.Circle ? pallor : 0, ref random),
                random.Next(0.85, 1)));
        }
    }
}
