using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>The words of a vocabulary whose token embeddings point most nearly where those of given words do.</summary>
static class NearbyWords
{
    // Shorter ones are mostly abbreviations and parts of words.
    const int ShortestWord = 3;

    /// <summary>The words themselves, then their neighbours, nearest first.</summary>
    /// <param name="words">The words.</param>
    /// <param name="tokenizer">The first encoder's tokenizer.</param>
    /// <param name="table">The first encoder's token embeddings, [V, D].</param>
    /// <param name="count">The neighbours of each word.</param>
    public static IReadOnlyList<string> With(IReadOnlyList<string> words, ClipTokenizer tokenizer, Tensor table, int count)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var units = table.to(ScalarType.Float32);
        units = units / units.norm(1, keepdim: true).clamp_min(1e-12f); // [V, D]
        var result = new List<string>(words);
        foreach (var word in words)
        {
            long[] ids = [.. Placeholder.BaseIds(word, tokenizer).Select(i => (long)i)];
            var direction = units.index_select(0, tensor(ids, device: table.device)).mean([0]); // [D]
            var order = units.matmul(direction).argsort(descending: true).cpu().data<long>().ToArray();
            result.AddRange(order.Where(id => id < tokenizer.VocabularySize).Select(id => WordOf((int)id, tokenizer)).OfType<string>().Except(result).Take(count));
        }

        return result;
    }

    static string? WordOf(int id, ClipTokenizer tokenizer)
    {
        const string end = "</w>";
        var token = tokenizer.TokenOf(id);
        if (!token.EndsWith(end, StringComparison.Ordinal)) return null;
        var word = token[..^end.Length];
        return word.Length >= ShortestWord && word.All(char.IsAsciiLetterLower) ? word : null;
    }
}
