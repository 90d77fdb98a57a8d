using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>What an object is: a drawn shape, or an emoji.</summary>
/// <param name="Shape">The shape, or null for an emoji.</param>
/// <param name="Color">The position of the shape's colour in <see cref="SceneWords.Colors"/>.</param>
/// <param name="Texture">The position of the shape's texture in <see cref="SceneWords.Textures"/>.</param>
/// <param name="Emoji">The emoji's concept, or null for a shape.</param>
sealed record SceneClass(ShapeKind? Shape, int Color, int Texture, EmojiConcept? Emoji)
{
    /// <summary>Further words for an emoji, which others may share.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Every phrase that is true of it, the most telling first.</summary>
    public IEnumerable<string> Phrases()
    {
        if (Emoji is not null)
        {
            yield return Emoji.Name;
            foreach (var tag in Tags) yield return tag;
            yield break;
        }

        var (color, shape) = (SceneWords.Colors[Color].Name, SceneWords.Of(Shape!.Value));
        if (Texture > 0) yield return $"{SceneWords.Textures[Texture]} {color} {shape}";
        yield return $"{color} {shape}";
        yield return shape;
        yield return $"{color} shape";
        if (Texture > 0) yield return $"{SceneWords.Textures[Texture]} shape";
    }
}

/// <summary>A box in pixels; right and lower borders are those of the last pixel.</summary>
readonly record struct SceneBox(int Left, int Top, int Right, int Bottom)
{
    /// <summary>Columns.</summary>
    public int Width => Right - Left;

    /// <summary>Rows.</summary>
    public int Height => Bottom - Top;
}

/// <summary>An object of a scene.</summary>
/// <param name="Class">What it is.</param>
/// <param name="Mask">How much of every pixel it covers as seen, [Side * Side], 0 to 1.</param>
/// <param name="Box">The smallest box around the pixels that it covers by half or more.</param>
/// <param name="Visible">The part of it that nothing hides, 0 to 1.</param>
sealed record SceneObject(SceneClass Class, float[] Mask, SceneBox Box, double Visible);

/// <summary>A picture with everything that is known of it.</summary>
/// <param name="Picture">The picture.</param>
/// <param name="Objects">The objects, from behind to front; none is hidden entirely.</param>
sealed record Scene(Canvas Picture, IReadOnlyList<SceneObject> Objects)
{
    /// <summary>The objects that a phrase is true of.</summary>
    public IEnumerable<SceneObject> Matching(string phrase) => Objects.Where(o => o.Class.Phrases().Contains(phrase));
}
