using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>The detector's <c>vocab.txt</c>: whole words of the captions, single letters for all others.</summary>
static class WordPieceVocabulary
{
    // A tag of one concept only is hardly learnt.
    const int LeastTags = 2;

    static readonly string[] s_special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    // A user's words should not fall apart into letters because no emoji has them in its name.
    static readonly string[] s_endings = ["s", "es", "ed", "er", "ing", "ish", "y"];

    /// <summary>The tokens in the order of their ids.</summary>
    public static IReadOnlyList<string> Make(IReadOnlyList<EmojiConcept> concepts)
    {
        string[] letters = [.. Enumerable.Range('a', 26).Concat(Enumerable.Range('0', 10)).Select(c => ((char)c).ToString())];
        var words = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var phrase in concepts.Select(c => c.Name).Concat(ScenePhrases.Shapes(_ => true))) words.UnionWith(Words(phrase));
        words.UnionWith(concepts.SelectMany(c => c.Tags.SelectMany(Words).Distinct()).GroupBy(w => w).Where(g => g.Count() >= LeastTags).Select(g => g.Key));
        string[] signs = [.. ".,-':;!?&()/".Select(c => c.ToString())];
        return [.. new[] { s_special, signs, letters, [.. letters.Concat(s_endings).Select(l => "##" + l)], [.. words] }.SelectMany(t => t).Distinct()];
    }

    static IEnumerable<string> Words(string phrase) =>
        string.Concat(phrase.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : ' ')).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
