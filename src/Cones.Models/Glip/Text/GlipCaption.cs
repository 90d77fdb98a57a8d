using System.Text;
using System.Text.RegularExpressions;
using Cones.Models.Tokenizers;

namespace Cones.Models.Glip.Text;

/// <summary>The text that says what to look for, and where in it each class stands.</summary>
/// <param name="Text">The caption, e.g. <c>cat. remote control. person</c>.</param>
/// <param name="Spans">The places of each class, in UTF-16 units; the first class has the label 1.</param>
public sealed partial record GlipCaption(string Text, IReadOnlyList<IReadOnlyList<TextSpan>> Spans)
{
    /// <summary>The caption of training and evaluation: names cleaned and joined, nothing after the last one.</summary>
    /// <param name="names">The class names; the same name may stand there twice.</param>
    /// <param name="separator">What stands between two names: <see cref="Configuration.GlipConfig.Separator"/>.</param>
    /// <param name="clean">Whether <see cref="CleanName"/> is applied to each.</param>
    /// <remarks><c>create_queries_and_maps</c> of GLIP.</remarks>
    public static GlipCaption FromClasses(IReadOnlyList<string> names, string separator = ". ", bool clean = true) =>
        Join([.. names.Select(n => clean ? CleanName(n) : n)], separator, separatorAtEnd: false);

    /// <summary>The caption of GLIP's demo: names as they are, each followed by a period between spaces.</summary>
    /// <remarks><c>GLIPDemo.compute_prediction</c>. Scores differ a little from those of <see cref="FromClasses"/>.</remarks>
    public static GlipCaption Demo(IReadOnlyList<string> names) => Join(names, " . ", separatorAtEnd: true);

    /// <summary>A class name as GLIP's captions have it: without what stands in parentheses, underscores as spaces.</summary>
    public static string CleanName(string name) => Parentheses().Replace(name, "").Replace('_', ' ').Replace("  ", " ", StringComparison.Ordinal);

    /// <summary>The caption's tokens, and those of each class.</summary>
    /// <param name="tokenizer">BERT's tokenizer.</param>
    /// <param name="maxTokens">The tokens at most; a longer caption is cut, and classes beyond have no tokens.</param>
    /// <param name="padding">Whether to fill up to <paramref name="maxTokens"/>. It changes no result, only takes time.</param>
    public GlipTokens Tokenize(BertTokenizer tokenizer, int maxTokens = 256, TokenPadding padding = TokenPadding.None) =>
        TokensIn(tokenizer.Encode(Text, maxTokens, padding));

    /// <summary>The tokens of each class in the caption's tokens.</summary>
    internal GlipTokens TokensIn(TokenizedText text) => new(text, [.. Spans.Select(spans => TokensOf(text, spans))]);

    static GlipCaption Join(IReadOnlyList<string> names, string separator, bool separatorAtEnd)
    {
        var text = new StringBuilder();
        var spans = new List<IReadOnlyList<TextSpan>>();
        for (var i = 0; i < names.Count; i++)
        {
            var start = text.Length;
            text.Append(names[i]);
            spans.Add([new TextSpan(start, text.Length)]);
            if (separatorAtEnd || i < names.Count - 1) text.Append(separator);
        }

        return new GlipCaption(text.ToString(), spans);
    }

    // All tokens from the one of the first character to the one of the last; up to two characters without a token (spaces) are skipped.
    static IReadOnlyList<int> TokensOf(TokenizedText text, IReadOnlyList<TextSpan> spans)
    {
        var tokens = new SortedSet<int>();
        foreach (var span in spans)
        {
            var first = TokenAt(span.Start) ?? TokenAt(span.Start + 1) ?? TokenAt(span.Start + 2);
            var last = TokenAt(span.End - 1) ?? TokenAt(span.End - 2) ?? TokenAt(span.End - 3);
            if (first is not { } from || last is not { } to) continue;
            for (var token = from; token <= to; token++) tokens.Add(token);
        }

        return [.. tokens];

        int? TokenAt(int position)
        {
            for (var i = 0; i < text.Spans.Count; i++)
                if (text.Spans[i].Start <= position && position < text.Spans[i].End) return i;
            return null;
        }
    }

    [GeneratedRegex(@"\(.*\)")]
    private static partial Regex Parentheses();
}
