using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>A normalised text that knows, for each of its UTF-16 units, the span of the raw text it came from.</summary>
sealed class AlignedText
{
    readonly StringBuilder _text = new();
    readonly List<(int Start, int End)> _spans = [];
    string? _built;

    /// <summary>The text so far.</summary>
    public string Text => _built ??= _text.ToString();

    /// <summary>The number of UTF-16 units.</summary>
    public int Length => _spans.Count;

    /// <summary>The last unit; the text must not be empty.</summary>
    public char Last => _text[^1];

    /// <summary>Adds a character that came from <c>[start, end)</c> of the raw text.</summary>
    public void Append(Rune rune, int start, int end)
    {
        _built = null;
        Span<char> units = stackalloc char[2];
        var count = rune.EncodeToUtf16(units);
        _text.Append(units[..count]);
        for (var i = 0; i < count; i++) _spans.Add((start, end));
    }

    /// <summary>Lets the last unit cover raw text up to <paramref name="end"/>.</summary>
    public void ExtendLast(int end) => _spans[^1] = (_spans[^1].Start, end);

    /// <summary>The raw span that <c>[start, end)</c> of this text came from; not empty.</summary>
    public (int Start, int End) RawSpan(int start, int end) => (_spans[start].Start, _spans[end - 1].End);
}
