using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Text;

/// <summary>Which of B texts' T tokens exist, which may attend to which, and where in its phrase each one stands.</summary>
/// <remarks>
/// With the text features, this is all that the detector knows of a text: nothing depends on the token ids. Tokens of
/// different phrases do not see each other, and positions restart in every phrase (arXiv 2303.05499, section 3.4).
/// </remarks>
/// <param name="Tokens">[B, T], bool: false for padding.</param>
/// <param name="SelfAttention">[B, T, T], bool: whether the token of a row may attend to the token of a column.</param>
/// <param name="PositionIds">[B, T], int64.</param>
public sealed record TextMasks(Tensor Tokens, Tensor SelfAttention, Tensor PositionIds) : IDisposable
{
    /// <summary>Masks from tensors of any type: non-zero means true.</summary>
    /// <param name="tokens">[B, T].</param>
    /// <param name="selfAttention">[B, T, T].</param>
    /// <param name="positionIds">[B, T].</param>
    /// <exception cref="ArgumentException">The shapes do not agree.</exception>
    public static TextMasks From(Tensor tokens, Tensor selfAttention, Tensor positionIds)
    {
        ShapeCheck.Require(nameof(tokens), tokens, ShapeCheck.Any, ShapeCheck.Any);
        var (batch, length) = (tokens.shape[0], tokens.shape[1]);
        ShapeCheck.Require(nameof(selfAttention), selfAttention, batch, length, length);
        ShapeCheck.Require(nameof(positionIds), positionIds, batch, length);
        using var scope = NewDisposeScope();
        return new TextMasks(tokens.ne(0), selfAttention.ne(0), positionIds.to(ScalarType.Int64).alias()).MoveToOuterDisposeScope();
    }

    /// <summary>One phrase after the other, without delimiters: the text of free embeddings, with padding at the end.</summary>
    /// <param name="phrases">The tokens of each phrase, at least 1 each.</param>
    /// <param name="batch">B, the number of equal texts.</param>
    /// <param name="device">Where to make them; null for the CPU.</param>
    /// <exception cref="ArgumentException">There is no phrase, or an empty one.</exception>
    public static TextMasks OfPhrases(IReadOnlyList<int> phrases, long batch = 1, Device? device = null)
    {
        if (phrases.Count == 0 || phrases.Any(p => p < 1)) throw new ArgumentException($"phrases of [{string.Join(",", phrases)}] tokens given: at least one phrase of at least one token is needed", nameof(phrases));
        using var scope = NewDisposeScope();
        var owners = tensor(phrases.SelectMany((count, phrase) => Enumerable.Repeat((long)phrase, count)).ToArray(), device: device);
        var positions = tensor(phrases.SelectMany(count => Enumerable.Range(0, count).Select(i => (long)i)).ToArray(), device: device);
        var length = owners.shape[0];
        var same = owners.unsqueeze(1).eq(owners.unsqueeze(0)); // [T, T]
        return new TextMasks(
            ones([batch, length], ScalarType.Bool, device),
            same.unsqueeze(0).expand(batch, length, length),
            positions.unsqueeze(0).expand(batch, length)).MoveToOuterDisposeScope();
    }

    /// <summary>The masks of a caption of classes, between a start and an end that see only themselves.</summary>
    /// <remarks>
    /// For captions of class names they equal those of <see cref="FromIds"/>: a phrase is all that stands between the delimiter of the class
    /// before and its own, with which it ends. They need no ids: slots may be learned, and more may stand before every class, or between it and
    /// its delimiter. What stands behind the last delimiter is a phrase of its own. A full stop inside a name does not end its phrase.
    /// </remarks>
    /// <param name="classes">The slots of each class, neighbours, in the order of the caption.</param>
    /// <param name="length">T, start and end included.</param>
    /// <param name="device">Where to make them; null for the CPU.</param>
    /// <exception cref="ArgumentException">A class has no slots, or they are not in order.</exception>
    public static TextMasks OfClasses(IReadOnlyList<IReadOnlyList<int>> classes, int length, Device? device = null)
    {
        var ends = PhraseEnds(classes, length);
        // Slots of no phrase are alone.
        long[] owners = [.. Enumerable.Range(0, length).Select(t => -1L - t)];
        var positions = new long[length];
        for (int c = 0, first = 1; c < ends.Count; first = ends[c++] + 1)
            for (var t = first; t <= ends[c]; t++) (owners[t], positions[t]) = (c, t - first);

        using var scope = NewDisposeScope();
        var owner = tensor(owners, device: device);
        return new TextMasks(
            ones([1, length], ScalarType.Bool, device),
            owner.unsqueeze(1).eq(owner.unsqueeze(0)).unsqueeze(0), // [1, T, T]
            tensor(positions, [1, length], device: device)).MoveToOuterDisposeScope();
    }

    // The last slot of each phrase: the delimiter of its class.
    static List<int> PhraseEnds(IReadOnlyList<IReadOnlyList<int>> classes, int length)
    {
        var last = length - 2;
        for (var c = 0; c < classes.Count; c++)
            if (classes[c].Count == 0 || classes[c][0] <= (c == 0 ? 0 : classes[c - 1][^1]) || classes[c][^1] > last)
                throw new ArgumentException($"class {c} has the slots [{string.Join(",", classes[c])}], but must have some within {(c == 0 ? 1 : classes[c - 1][^1] + 1)} to {last}", nameof(classes));
        if (classes.Count == 0) return [];

        // As many slots before every class as before the first one, and behind every class as behind it.
        var before = classes[0][0] - 1;
        var ends = classes.Skip(1).Zip(classes, (next, c) => Math.Max(next[0] - before - 1, c[^1])).ToList();
        ends.Add(ends.Count == 0 ? last : Math.Min(classes[^1][^1] + ends[0] - classes[0][^1], last));
        if (ends[^1] < last) ends.Add(last);
        return ends;
    }

    /// <summary>The masks of token ids.</summary>
    /// <remarks>
    /// <c>generate_masks_with_special_tokens_and_transfer_map</c> of transformers. A block is what follows a delimiter, up to
    /// and with the next one. A block that is closed by the last of the T columns is none: its tokens see only themselves.
    /// So a caption without a final full stop loses its last phrase where it is the longest of the batch.
    /// </remarks>
    /// <param name="ids">[B, T], int64.</param>
    /// <param name="attentionMask">[B, T], zero for padding; null for none.</param>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public static TextMasks FromIds(Tensor ids, Tensor? attentionMask = null)
    {
        ShapeCheck.Require(nameof(ids), ids, ShapeCheck.Any, ShapeCheck.Any);
        if (attentionMask is not null) ShapeCheck.Require(nameof(attentionMask), attentionMask, ids.shape);
        var (batch, length) = (ids.shape[0], ids.shape[1]);
        var rows = Delimiters.Rows(ids);
        var attention = new bool[batch * length * length];
        var positions = new long[batch * length];
        for (var b = 0L; b < batch; b++)
        {
            for (var t = 0L; t < length; t++) attention[(((b * length) + t) * length) + t] = true;
            var previous = 0L;
            for (var column = 0L; column < length; column++)
            {
                if (!Delimiters.Contains(rows[b][column])) continue;
                if (column > 0 && column < length - 1) AddBlock(b, previous + 1, column);
                previous = column;
            }
        }

        return new TextMasks(
            attentionMask is null ? ones([batch, length], ScalarType.Bool, ids.device) : attentionMask.ne(0),
            tensor(attention, [batch, length, length], ScalarType.Bool, ids.device),
            tensor(positions, [batch, length], ScalarType.Int64, ids.device));

        void AddBlock(long b, long from, long to)
        {
            for (var row = from; row <= to; row++)
            {
                positions[(b * length) + row] = row - from;
                for (var column = from; column <= to; column++) attention[(((b * length) + row) * length) + column] = true;
            }
        }
    }

    /// <summary>The first <paramref name="length"/> tokens: views of these tensors.</summary>
    public TextMasks Crop(long length) => new(
        Tokens.narrow(1, 0, length), SelfAttention.narrow(1, 0, length).narrow(2, 0, length), PositionIds.narrow(1, 0, length));

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Tokens.Dispose();
        SelfAttention.Dispose();
        PositionIds.Dispose();
    }

    /// <summary>Hands the tensors to the dispose scope around the current one.</summary>
    internal TextMasks MoveToOuterDisposeScope()
    {
        Tokens.MoveToOuterDisposeScope();
        SelfAttention.MoveToOuterDisposeScope();
        PositionIds.MoveToOuterDisposeScope();
        return this;
    }
}
