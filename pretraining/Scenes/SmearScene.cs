using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>
/// Scenes as stained smears look: pale see-through discs that lie across each other, often with a hole of light; few large cells whose dark
/// nucleus has several lobes in a body that hardly stands out; small dark blobs. Their boxes are drawn as people draw them: around
/// all of a cell whatever lies over it, a little loose.
/// </summary>
static class SmearScene
{
    static readonly string[] s_discs = ["pink", "pink", "pink", "red", "purple", "brown", "gray", "orange", "blue", "green"];
    static readonly string[] s_stains = ["purple", "purple", "purple", "blue", "pink", "red", "green", "brown", "black"];

    /// <summary>Draws one.</summary>
    public static Scene Draw(SceneOptions options, ref CounterRandom random)
    {
        var side = options.Side;
        var layers = new SceneLayers(new Canvas(side, side)) { Looseness = new BoxLooseness(random.Next(0, 0.1), random.Next(0, 1)) };
        var ground = SceneWords.Hsv(random.Next(0, 360), random.Next(0, 0.12), random.Next(0.72, 1));
        layers.Canvas.Gradient(ground, ground * (float)random.Next(0.88, 1), random.Next(-1, 1), random.Next(-1, 1));
        Backgrounds.Noise(layers.Canvas, random.Next(0.01, 0.05), random.Next(10, 50), ref random);

        var size = side * random.Next(0.06, 0.13);
        var disc = Color(s_discs, ShapeKind.Circle, ref random);
        var stain = Color(s_stains, ShapeKind.Cell, ref random);
        var dots = random.Chance(0.7) && !SceneWords.IsHeldOut(stain, ShapeKind.Blob) ? stain : Color(s_stains, ShapeKind.Blob, ref random);
        Discs(layers, disc, size, (int)random.Next(3, 0.7 * side * side / (Math.PI * size * size)), side, ref random);
        if (random.Chance(0.75))
            for (var i = 1 + random.Below(2); i > 0; i--) Cell(layers, stain, size * random.Next(1.3, 2.4), side, ref random);
        if (random.Chance(0.75))
        {
            var small = size * random.Next(0.2, 0.45);
            for (var i = 1 + random.Below(6); i > 0; i--) Dot(layers, dots, Math.Max(2, small * random.Next(0.8, 1.2)), side, ref random);
        }

        Specks(layers.Canvas, size, ref random);
        Light(layers.Canvas, ref random);
        Backgrounds.Noise(layers.Canvas, random.Next(0.005, 0.03), 1.5, ref random);
        return new Scene(layers.Canvas, layers.Objects());
    }

    static int Color(string[] names, ShapeKind shape, ref CounterRandom random)
    {
        int[] allowed = [.. names.Select(n => SceneWords.Colors.ToList().FindIndex(c => c.Name == n)).Where(c => !SceneWords.IsHeldOut(c, shape))];
        return random.Pick(allowed);
    }

    static void Discs(SceneLayers layers, int color, double size, int count, int side, ref CounterRandom random)
    {
        var (fade, opacity, holes) = (random.Next(0, 0.55), random.Next(0.6, 0.95), random.Next(0, 0.8));
        var darkness = (float)random.Next(0.7, 1);
        var what = new SceneClass(ShapeKind.Circle, color, 0, null);
        for (var i = 0; i < count; i++)
        {
            var shade = Faded(SceneWords.Shade(color, 0.7, ref random) * darkness, fade);
            // Most are round, some as uneven as a cell.
            var outline = new ShapeOutline(random.Chance(0.6) ? ShapeKind.Circle : ShapeKind.Cell, ref random);
            layers.Add(what, new ShapeBrush(
                outline, random.Next(0, side), random.Next(0, side), size * random.Next(0.82, 1.18), random.Next(0.75, 1), random.Next(0, 2 * Math.PI),
                Paints.Disc(shade, random.Chance(holes) ? random.Next(0.3, 0.9) : 0, random.Next(0.3, 0.7), ref random), opacity));
        }
    }

    // The body is pale, of the stain's colour or of any; the nucleus says what colour the cell has.
    static void Cell(SceneLayers layers, int color, double radius, int side, ref CounterRandom random)
    {
        var (x, y) = (random.Next(0, side), random.Next(0, side));
        var nucleus = SceneWords.Shade(color, 0.7, ref random) * (float)random.Next(0.65, 1);
        var body = Faded(random.Chance(0.7) ? nucleus : SceneWords.Hsv(random.Next(0, 360), random.Next(0.1, 0.5), random.Next(0.6, 1)), random.Next(0.4, 0.85));
        var brushes = new List<ShapeBrush>
        {
            new(new ShapeOutline(ShapeKind.Cell, ref random), x, y, radius * 1.1, random.Next(0.8, 1), random.Next(0, 2 * Math.PI), (_, _) => body, random.Next(0.6, 1)),
        };
        var lobes = 1 + random.Below(4);
        var fill = lobes == 1 ? random.Next(0.55, 0.85) : random.Next(0.3, 0.5);
        for (var i = 0; i < lobes; i++)
        {
            var (away, angle) = (lobes == 1 ? random.Next(0, 0.15) : random.Next(0.2, 0.55), random.Next(0, 2 * Math.PI));
            brushes.Add(new ShapeBrush(
                new ShapeOutline(ShapeKind.Blob, ref random), x + (away * radius * Math.Cos(angle)), y + (away * radius * Math.Sin(angle)), radius * fill,
                random.Next(0.7, 1), random.Next(0, 2 * Math.PI), Paints.Disc(nucleus, random.Next(0, 0.2), random.Next(0.3, 0.7), ref random), random.Next(0.8, 1)));
        }

        layers.Add(new SceneClass(ShapeKind.Cell, color, 0, null), [.. brushes]);
    }

    static void Dot(SceneLayers layers, int color, double radius, int side, ref CounterRandom random)
    {
        var shade = Faded(SceneWords.Shade(color, 0.7, ref random) * (float)random.Next(0.7, 1), random.Next(0, 0.35));
        layers.Add(new SceneClass(ShapeKind.Blob, color, 0, null), new ShapeBrush(
            new ShapeOutline(ShapeKind.Blob, ref random), random.Next(0, side), random.Next(0, side), radius, random.Next(0.65, 1), random.Next(0, 2 * Math.PI),
            (_, _) => shade, random.Next(0.65, 1)));
    }

    // Dust and bright grains, of which no caption speaks.
    static void Specks(Canvas canvas, double size, ref CounterRandom random)
    {
        for (var i = random.Below(12); i > 0; i--)
        {
            var shade = SceneWords.Hsv(random.Next(0, 360), random.Next(0, 0.2), random.Chance(0.7) ? 1 : random.Next(0.2, 0.6));
            new ShapeBrush(
                new ShapeOutline(ShapeKind.Circle, ref random), random.Next(0, canvas.Width), random.Next(0, canvas.Height), Math.Max(0.8, size * random.Next(0.04, 0.14)),
                random.Next(0.5, 1), random.Next(0, 2 * Math.PI), (_, _) => shade, random.Next(0.4, 0.9)).Draw(canvas);
        }
    }

    // Lamps and cameras differ: the same colour's word for pictures that lean to yellow, pink or blue.
    static void Light(Canvas canvas, ref CounterRandom random)
    {
        var light = Vector128.Create((float)random.Next(0.85, 1), (float)random.Next(0.75, 1), (float)random.Next(0.75, 1), 1);
        for (var i = 0; i < canvas.Pixels.Length; i++) canvas.Pixels[i] *= light;
    }

    static Vector128<float> Faded(Vector128<float> color, double part) => color + ((Vector128.Create(1f, 1f, 1f, 0) - color) * (float)part);
}
