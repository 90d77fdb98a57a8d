using System.Text;

namespace Cones.Models.Tokenizers;

/// <summary>
/// Byte-pair encoding of single words over the byte alphabet with <c>&lt;/w&gt;</c> on the last symbol (Sennrich et al.,
/// 2016; CLIP). The pair of lowest rank is merged first, of equal ones the leftmost.
/// </summary>
sealed class BytePairEncoder
{
    /// <summary>The suffix of a word's last symbol.</summary>
    public const string EndOfWord = "</w>";

    const int CachedWords = 8192;
    const int CachedWordLength = 64;

    readonly int[] _byteIds = new int[256];
    readonly int[] _lastByteIds = new int[256];
    readonly Dictionary<(int Left, int Right), (int Rank, int Id)> _merges = [];
    readonly Dictionary<string, (int Id, int Bytes)[]> _cache = [];
    readonly Lock _cacheLock = new();

    /// <summary>An encoder with a vocabulary and its merges in order; <paramref name="unknownId"/> stands for bytes without a symbol.</summary>
    /// <exception cref="ConesException">A merge names or makes a symbol that the vocabulary lacks; the message starts with <paramref name="source"/>.</exception>
    public BytePairEncoder(IReadOnlyDictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> merges, int unknownId, string source)
    {
        for (var b = 0; b < 256; b++)
        {
            var symbol = ByteAlphabet.CharOf((byte)b).ToString();
            _byteIds[b] = vocabulary.GetValueOrDefault(symbol, unknownId);
            _lastByteIds[b] = vocabulary.GetValueOrDefault(symbol + EndOfWord, unknownId);
        }

        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            _merges[(IdOf(left), IdOf(right))] = (rank, IdOf(left + right));
        }

        int IdOf(string symbol) => vocabulary.TryGetValue(symbol, out var id)
            ? id
            : throw new ConesException($"{source}: a merge needs the symbol '{symbol}', which the vocabulary lacks: take both from the same tokenizer.");
    }

    /// <summary>The ids of a word and how many of its UTF-8 bytes each covers. An empty word has none.</summary>
    public IReadOnlyList<(int Id, int Bytes)> Encode(string word)
    {
        if (word.Length > CachedWordLength) return Merge(Encoding.UTF8.GetBytes(word));
        lock (_cacheLock)
            if (_cache.TryGetValue(word, out var known)) return known;

        var tokens = Merge(Encoding.UTF8.GetBytes(word));
        lock (_cacheLock)
        {
            if (_cache.Count >= CachedWords) _cache.Clear();
            _cache[word] = tokens;
        }

        return tokens;
    }

    // A linked list of symbols and a heap of candidate merges: O(n log n), where looking through all pairs for every merge
    // would be quadratic in the length of a word.
    (int Id, int Bytes)[] Merge(byte[] bytes)
    {
        var count = bytes.Length;
        var ids = new int[count];
        var widths = new int[count];
        var next = new int[count];
        var previous = new int[count];
        for (var i = 0; i < count; i++)
            (ids[i], widths[i], next[i], previous[i]) = ((i == count - 1 ? _lastByteIds : _byteIds)[bytes[i]], 1, i + 1, i - 1);

        var queue = new PriorityQueue<(int Position, int Id), (int Rank, int Position)>();
        for (var i = 0; i + 1 < count; i++) Offer(i);

        while (queue.TryDequeue(out var candidate, out _))
        {
            var left = candidate.Position;
            // The candidate is stale when its left symbol was swallowed or either symbol has changed since.
            if (widths[left] == 0 || next[left] >= count) continue;
            var right = next[left];
            if (!_merges.TryGetValue((ids[left], ids[right]), out var merge) || merge.Id != candidate.Id) continue;

            ids[left] = merge.Id;
            widths[left] += widths[right];
            widths[right] = 0;
            next[left] = next[right];
            if (next[left] < count)
            {
                previous[next[left]] = left;
                Offer(left);
            }

            if (previous[left] >= 0) Offer(previous[left]);
        }

        var tokens = new List<(int, int)>();
        for (var i = 0; i < count; i = next[i]) tokens.Add((ids[i], widths[i]));
        return [.. tokens];

        void Offer(int left)
        {
            if (_merges.TryGetValue((ids[left], ids[next[left]]), out var merge)) queue.Enqueue((left, merge.Id), (merge.Rank, left));
        }
    }
}
