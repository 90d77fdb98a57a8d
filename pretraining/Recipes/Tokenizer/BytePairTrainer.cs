using System.Text;
using Cones.Models.Tokenizers;

namespace Cones.Pretraining.Recipes.Tokenizer;

/// <summary>Learns the merges of byte-pair encoding (Sennrich et al. 2016) over CLIP's byte alphabet.</summary>
static class BytePairTrainer
{
    /// <summary>Learns merges.</summary>
    /// <param name="words">Words as <see cref="ClipText"/> splits them, with their counts.</param>
    /// <param name="most">The number of merges at most.</param>
    /// <param name="least">Pairs that are rarer than this stay apart.</param>
    /// <returns>The merges in order; of equally frequent pairs the first in ordinal order.</returns>
    public static List<(string Left, string Right)> Learn(IReadOnlyDictionary<string, int> words, int most, int least)
    {
        var split = words.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => (Symbols: Symbols(w.Key), Count: w.Value)).ToArray();
        var merges = new List<(string, string)>();
        while (merges.Count < most)
        {
            var counts = new Dictionary<(string, string), int>();
            foreach (var (symbols, count) in split)
                for (var i = 0; i + 1 < symbols.Count; i++)
                    counts[(symbols[i], symbols[i + 1])] = counts.GetValueOrDefault((symbols[i], symbols[i + 1])) + count;
            var frequent = counts.Where(c => c.Value >= least).ToArray();
            if (frequent.Length == 0) break;
            var best = frequent.MinBy(c => (-c.Value, c.Key.Item1, c.Key.Item2), Comparer<(int, string, string)>.Create(Compare)).Key;
            merges.Add(best);
            foreach (var (symbols, _) in split) Merge(symbols, best);
        }

        return merges;
    }

    static int Compare((int, string, string) a, (int, string, string) b)
    {
        if (a.Item1 != b.Item1) return a.Item1.CompareTo(b.Item1);
        var left = string.CompareOrdinal(a.Item2, b.Item2);
        return left != 0 ? left : string.CompareOrdinal(a.Item3, b.Item3);
    }

    static List<string> Symbols(string word)
    {
        var symbols = Encoding.UTF8.GetBytes(word).Select(b => ByteAlphabet.CharOf(b).ToString()).ToList();
        symbols[^1] += BytePairEncoder.EndOfWord;
        return symbols;
    }

    static void Merge(List<string> symbols, (string Left, string Right) pair)
    {
        for (var i = 0; i + 1 < symbols.Count; i++)
        {
            if (symbols[i] != pair.Left || symbols[i + 1] != pair.Right) continue;
            symbols[i] += symbols[i + 1];
            symbols.RemoveAt(i + 1);
        }
    }
}
