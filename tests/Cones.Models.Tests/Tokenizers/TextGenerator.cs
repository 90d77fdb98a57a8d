using CsCheck;

namespace Cones.Models.Tests.Tokenizers;

/// <summary>Strings that are hard on tokenizers: marks, jamo, ideographs, surrogates, white space, special tokens.</summary>
static class TextGenerator
{
    static readonly string[] s_parts =
    [
        "a", "cat", "DOG", "photo of", "'s", "'LL", " ", "  ", "\t\n", "\u0085", "\u3000", "1", "½", "!", "...", "<", "|", ">", "</w>", "##s",
        "<|startoftext|>", "<|endoftext|>", "<|ENDOFTEXT|>", "[MASK]", "[cls]", "é", "e\u0301", "\u0301", "\u0323\u0307", "\u0307\u0323", "İ", "Σ", "ẞ",
        "각", "\u1100", "\u1161", "\u11a8", "字", "豈", "😀", "𐐀", "\ufdd0", "\uffff", "\ud800", "\udc00", "\ufffd", "\0", "\u001c", "\u200d", "क\u093c", "\u212b",
    ];

    static readonly Gen<string> s_any = Gen.OneOf(Gen.OneOf(s_parts.Select(Gen.Const).ToArray()), Gen.Char.Select(c => c.ToString()), Gen.String[0, 4])
        .List[0, 12]
        .Select(string.Concat);

    /// <summary>The same texts on every run: sequences of difficult parts and of any UTF-16 units.</summary>
    public static IEnumerable<string> Texts(int count = 2000)
    {
        var random = new PCG(stream: 1, seed: 42);
        for (var i = 0; i < count; i++) yield return s_any.Generate(random, null, out _);
    }
}
