using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>All phrases that captions may contain.</summary>
static class ScenePhrases
{
    /// <summary>The phrases of drawn shapes whose pair of colour and shape is chosen.</summary>
    public static IReadOnlyList<string> Shapes(Func<(int Color, ShapeKind Shape), bool> chosen) =>
    [
        .. (from color in Enumerable.Range(0, SceneWords.Colors.Count)
            from shape in Enum.GetValues<ShapeKind>()
            where chosen((color, shape))
            from texture in Enumerable.Range(0, SceneWords.Textures.Count)
            from phrase in new SceneClass(shape, color, texture, null).Phrases()
            select phrase).Distinct(),
    ];

    /// <summary>The names of emoji.</summary>
    public static IReadOnlyList<string> Emoji(IconPack pack, IEnumerable<int> icons) =>
        [.. icons.Select(i => pack.Concepts[pack.Icons[i].Concept].Name).Distinct()];

    /// <summary>The tags that several of some emoji share: those are learnt.</summary>
    public static IReadOnlySet<string> Tags(IconPack pack, IEnumerable<int> icons)
    {
        const int least = 2;
        var concepts = icons.Select(i => pack.Icons[i].Concept).Distinct().Select(c => pack.Concepts[c]);
        return concepts.SelectMany(c => c.Tags.Distinct()).GroupBy(t => t).Where(g => g.Count() >= least).Select(g => g.Key).ToHashSet();
    }
}
