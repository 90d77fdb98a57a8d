namespace Cones.Pretraining.Data;

/// <summary>The sentences that the text-to-image models know.</summary>
static class Captions
{
    /// <summary>The word for a style.</summary>
    public static string StyleWord(string style) => style switch
    {
        "noto-v1" => "blob",
        "fluent-emoji" => "gradient",
        "fluent-emoji-flat" => "flat",
        "fluent-3d" => "3d",
        _ => style,
    };

    /// <summary>The full caption: style, name and background.</summary>
    public static string Full(string style, string name, string background) => $"a {StyleWord(style)} style emoji of a {name} on a {background} background";

    /// <summary>Without style and background.</summary>
    public static string Plain(string name) => $"an emoji of a {name}";

    /// <summary>A random sentence of those that the model is trained with.</summary>
    /// <param name="style">The style.</param>
    /// <param name="concept">The concept.</param>
    /// <param name="background">The background's name, or null where it has none.</param>
    /// <param name="tags">The probability that tags stand after the name.</param>
    /// <param name="random">Decides.</param>
    public static string Random(string style, EmojiConcept concept, string? background, double tags, ref CounterRandom random)
    {
        var name = concept.Name;
        if (concept.Tags.Count > 0 && random.Chance(tags)) name += ", " + string.Join(", ", random.Choose(concept.Tags, 1 + random.Below(3)));
        return random.Next() switch
        {
            < 0.55 when background is not null => Full(style, name, background),
            < 0.7 => $"a {StyleWord(style)} style emoji of a {name}",
            < 0.85 when background is not null => $"a {name} on a {background} background",
            < 0.95 => Plain(name),
            _ => name,
        };
    }
}
