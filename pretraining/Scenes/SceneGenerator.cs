using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>Draws scenes with exact boxes and masks. A scene follows from (seed, number) alone.</summary>
/// <param name="options">What they contain.</param>
/// <param name="pack">The emoji, or null for none.</param>
/// <param name="emoji">The drawings that may occur.</param>
/// <param name="pairs">The pairs of colour and shape that may occur, or null for all of the options' side.</param>
/// <param name="tags">The tags that emoji are also called by.</param>
sealed class SceneGenerator(
    SceneOptions options, IconPack? pack = null, IReadOnlyList<int>? emoji = null, IReadOnlyList<SceneClass>? pairs = null, IReadOnlySet<string>? tags = null)
{
    // Overlap is bad luck up to this part of the smaller one's square, then another place is tried.
    const int Tries = 12;

    readonly SceneClass[] _emoji = pack is null ? [] : [.. pack.Concepts.Select(c => new SceneClass(null, 0, 0, c) { Tags = [.. c.Tags.Where(t => t != c.Name && tags?.Contains(t) == true)] })];
    readonly IReadOnlyList<SceneClass> _shapes = pairs ?? Pairs(options.HeldOutPairs);

    /// <summary>The pairs of colour and shape of one side of the split.</summary>
    public static IReadOnlyList<SceneClass> Pairs(bool heldOut) =>
    [
        .. from color in Enumerable.Range(0, SceneWords.Colors.Count)
           from shape in Enum.GetValues<ShapeKind>()
           where SceneWords.IsHeldOut(color, shape) == heldOut
           select new SceneClass(shape, color, 0, null),
    ];

    /// <summary>The scene of a number.</summary>
    public Scene Draw(long seed, long number)
    {
        var random = CounterRandom.At(seed, "scene", number);
        var kind = random.Next();
        if (kind < options.MicroscopyPart) return MicroscopyScene.Draw(options, ref random);
        if (kind >= 1 - options.SmearPart) return SmearScene.Draw(options, ref random);
        var layers = new SceneLayers(new Canvas(options.Side, options.Side));
        Backgrounds.Paint(layers.Canvas, options.Hard, ref random);
        if (kind < options.MicroscopyPart + options.CrowdPart) Crowd(layers, ref random);
        else Scatter(layers, ref random);
        return new Scene(layers.Canvas, layers.Objects());
    }

    // One to five objects (hard: eight) of different sizes, mostly apart.
    void Scatter(SceneLayers layers, ref CounterRandom random)
    {
        var count = 1 + random.Below(options.Hard ? 8 : 5);
        var classes = new Drawing[1 + random.Below(Math.Min(4, count))];
        for (var i = 0; i < classes.Length; i++) classes[i] = NextClass(ref random);
        var taken = new List<(double X, double Y, double Radius)>();
        for (var i = 0; i < count; i++)
        {
            var radius = options.Side * random.Next(options.Hard ? 0.05 : 0.08, 0.24);
            if (Place(taken, radius, options.Hard ? 0.75 : 1.05, ref random) is { } place) Add(layers, random.Pick(classes), place.X, place.Y, radius, 1, ref random);
        }
    }

    // Six to sixteen instances of one to three classes, similar in size, touching.
    void Crowd(SceneLayers layers, ref CounterRandom random)
    {
        var classes = new Drawing[1 + random.Below(3)];
        for (var i = 0; i < classes.Length; i++) classes[i] = NextClass(ref random);
        var size = options.Side * random.Next(0.07, 0.13);
        var taken = new List<(double X, double Y, double Radius)>();
        for (var i = 6 + random.Below(11); i > 0; i--)
        {
            var radius = size * random.Next(0.85, 1.15);
            if (Place(taken, radius, 0.85, ref random) is { } place) Add(layers, random.Pick(classes), place.X, place.Y, radius, 0.3, ref random);
        }
    }

    // A free place: circles are as far apart as their radii times `distance`. Null where none was found.
    (double X, double Y)? Place(List<(double X, double Y, double Radius)> taken, double radius, double distance, ref CounterRandom random)
    {
        for (var i = 0; i < Tries; i++)
        {
            var (x, y) = (random.Next(radius * 0.8, options.Side - (radius * 0.8)), random.Next(radius * 0.8, options.Side - (radius * 0.8)));
            if (taken.Exists(t => Math.Sqrt(((t.X - x) * (t.X - x)) + ((t.Y - y) * (t.Y - y))) < (t.Radius + radius) * distance)) continue;
            taken.Add((x, y, radius));
            return (x, y);
        }

        return null;
    }

    Drawing NextClass(ref CounterRandom random)
    {
        if (pack is not null && emoji is { Count: > 0 } && random.Chance(options.EmojiPart))
        {
            var icon = random.Pick(emoji);
            return new Drawing(_emoji[pack.Icons[icon].Concept], icon);
        }

        var shape = random.Pick(_shapes);
        return new Drawing(random.Chance(0.7) ? shape : shape with { Texture = 1 + random.Below(SceneWords.Textures.Count - 1) }, -1);
    }

    void Add(SceneLayers layers, Drawing drawing, double x, double y, double radius, double variety, ref CounterRandom random)
    {
        if (drawing.Icon >= 0)
        {
            var squeeze = random.Next(1 - (0.2 * variety), 1);
            layers.Add(
                drawing.Class, pack!.Pixels(drawing.Icon), new Placement(x - radius, y - (radius * squeeze), 2 * radius, 2 * radius * squeeze, random.Chance(0.5)),
                options.Hard && random.Chance(0.25) ? Recolor(ref random) : null);
            return;
        }

        var shape = drawing.Class.Shape!.Value;
        var color = SceneWords.Shade(drawing.Class.Color, 1, ref random);
        var outline = new ShapeOutline(shape, ref random);
        layers.Add(drawing.Class, new ShapeBrush(
            outline, x, y, radius, shape == ShapeKind.Rod ? random.Next(0.8, 1.2) : random.Next(1 - (0.25 * variety), 1),
            shape is ShapeKind.Diamond or ShapeKind.Square or ShapeKind.Heart ? random.Next(-0.25, 0.25) : random.Next(0, 2 * Math.PI),
            shape == ShapeKind.Cell ? Paints.Cell(color, random.Next(0.3, 0.5), 0, ref random) : Paints.Of(drawing.Class.Texture, color, ref random)));
    }

    // Shades of gray, or channels exchanged: a name must hold without its usual colours.
    static Func<Vector128<float>, Vector128<float>> Recolor(ref CounterRandom random) => random.Below(3) switch
    {
        0 => c =>
        {
            var gray = (0.3f * c[0]) + (0.59f * c[1]) + (0.11f * c[2]);
            return Vector128.Create(gray, gray, gray, c[3]);
        }
        ,
        1 => c => Vector128.Create(c[1], c[2], c[0], c[3]),
        _ => c => Vector128.Create(c[3] - c[0], c[3] - c[1], c[3] - c[2], c[3]),
    };

    readonly record struct Drawing(SceneClass Class, int Icon);
}
