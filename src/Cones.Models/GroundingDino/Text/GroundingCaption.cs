using System.Text;
using System.Text.RegularExpressions;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Text;

/// <summary>Class names joined to a caption, and which tokens stand for which class.</summary>
/// <remarks><c>to_plain_text_prompts</c> and <c>create_positive_map</c> of mmdet's GroundingDINO.</remarks>
/// <param name="Text">Every name followed by a full stop and a space.</param>
/// <param name="Spans">The part of <paramref name="Text"/> that each name takes.</param>
/// <param name="Tokens">The caption as the text encoder reads it.</param>
/// <param name="ClassSlots">The slots of each class's tokens, without delimiters.</param>
public sealed partial record GroundingCaption(
    string Text, IReadOnlyList<TextSpan> Spans, TokenizedText Tokens, IReadOnlyList<IReadOnlyList<int>> ClassSlots)
{
    const string Delimiter = ". ";

    /// <summary>Joins names as they are.</summary>
    /// <param name="names">At least one name; none empty.</param>
    /// <param name="tokenizer">The text encoder's tokenizer.</param>
    /// <param name="maxTextLen">The tokens that the model takes (<see cref="GroundingDinoConfig.MaxTextLen"/>).</param>
    /// <exception cref="ConesException">There are no names, a name has no tokens, or all together have too many.</exception>
    public static GroundingCaption FromNames(IReadOnlyList<string> names, BertTokenizer tokenizer, int maxTextLen = 256)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (names.Count == 0) throw new ConesException("there are no class names: give at least one");
        var text = new StringBuilder();
        var spans = new List<TextSpan>();
        foreach (var name in names)
        {
            spans.Add(new TextSpan(text.Length, text.Length + name.Length));
            text.Append(name).Append(Delimiter);
        }

        var caption = text.ToString();
        var tokens = tokenizer.Encode(caption, null);
        if (tokens.Ids.Count > maxTextLen)
            throw new ConesException($"{names.Count} class names have {tokens.Ids.Count} tokens, the model takes {maxTextLen}: search for fewer classes at a time");
        return new GroundingCaption(caption, spans, tokens, [.. spans.Select((span, i) => SlotsOf(tokens, span, names[i]))]);
    }

    /// <summary>A name as mmdet puts it into captions: without what is in brackets, with spaces for underscores.</summary>
    public static string Clean(string name) => Brackets().Replace(name, "").Replace('_', ' ').Replace("  ", " ", StringComparison.Ordinal);

    /// <summary>Names as the processor of transformers joins them: lower case, <c>a. b. c.</c></summary>
    public static string Join(IEnumerable<string> names) => string.Concat(names.Select((n, i) => (i == 0 ? "" : " ") + n.Trim().ToLowerInvariant() + "."));

    /// <summary>Which tokens stand for which class.</summary>
    /// <param name="width">The columns: <see cref="GroundingDinoConfig.MaxTextLen"/>, or the number of tokens.</param>
    /// <returns>[classes, width], bool.</returns>
    public Tensor PositiveMap(int width) => LabelMaps.ToPositiveMap(ClassSlots, width);

    /// <summary>The positive map divided by each class's tokens plus 1e-6, as <c>create_positive_map</c> returns it.</summary>
    /// <returns>[classes, width], float32.</returns>
    public Tensor NormalizedPositiveMap(int width)
    {
        using var scope = NewDisposeScope();
        var map = PositiveMap(width).to(ScalarType.Float32);
        return (map / (map.sum(-1, keepdim: true) + 1e-6)).MoveToOuterDisposeScope();
    }

    // From the token of the first character to that of the last one; up to two characters that have no token are skipped.
    static IReadOnlyList<int> SlotsOf(TokenizedText tokens, TextSpan span, string name)
    {
        var first = Slot([span.Start, span.Start + 1, span.Start + 2]);
        var last = Slot([span.End - 1, span.End - 2, span.End - 3]);
        if (first is null || last is null || first > last)
            throw new ConesException($"the class name '{name}' has no tokens: give it a name of letters or digits");
        return [.. Enumerable.Range(first.Value, last.Value - first.Value + 1)];

        int? Slot(int[] characters)
        {
            foreach (var c in characters)
                if (tokens.SlotsOf(new TextSpan(c, c + 1)) is { Count: > 0 } slots) return slots[0];
            return null;
        }
    }

    [GeneratedRegex(@"\(.*\)")]
    private static partial Regex Brackets();
}
