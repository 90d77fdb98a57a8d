using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Segmentation;

/// <summary>
/// Pseudo-words: learned words at the text encoder's input between the start and the end of each class's phrase, so that the encoder runs
/// every step (textual inversion, arXiv 2208.01618). They start from the mean of the name's words.
/// </summary>
public sealed class PhraseWordsPrompt : ISegmentationPrompt
{
    readonly Tensor _first;
    readonly Tensor _last;
    readonly Func<Tensor, Tensor> _encode;

    /// <summary>A prompt that starts from the names.</summary>
    /// <param name="phrases">The encoded names with their words; not owned.</param>
    /// <param name="count">Learned words of each class, at least 1.</param>
    /// <param name="encode">The text encoder: words [B, T, D] to encodings [B, T, C], with gradients.</param>
    /// <exception cref="ArgumentException">A phrase has no words between start and end.</exception>
    public PhraseWordsPrompt(IReadOnlyList<PhraseEncoding> phrases, int count, Func<Tensor, Tensor> encode)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (phrases.Any(p => p.Words is null || p.Length < 3)) throw new ArgumentException("a phrase has no words between its start and its end", nameof(phrases));
        _encode = encode;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _first = phrases[0].Words!.narrow(0, 0, 1).clone().DetachFromDisposeScope(); // [1, D]
        _last = phrases[0].Words!.narrow(0, phrases[0].Length - 1, 1).clone().DetachFromDisposeScope();
        Words = stack([.. phrases.Select(p => p.Words!.narrow(0, 1, p.Length - 2).mean([0], keepdim: true).expand(count, -1))], 0).clone().DetachFromDisposeScope(); // [K, n, D]
        Words.requires_grad_();
        Parameters = [new("pseudo_word", Words)];
    }

    /// <inheritdoc/>
    public string Method => "pseudo-word";

    /// <summary>What is searched, [K, n, D].</summary>
    public Tensor Words { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => (int)Words.shape[0];

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        var chosen = tensor(Array.ConvertAll(templates.ToArray(), c => (long)c), device: Words.device);
        var words = Words.index_select(0, chosen); // [B, n, D]
        var (first, last) = (_first.expand(templates.Length, 1, -1), _last.expand(templates.Length, 1, -1));
        var rows = _encode(cat([first, words, last], 1)).to(ScalarType.Float32); // [B, n + 2, C]
        return new Conditioning
        {
            Embeddings = rows.MoveToOuterDisposeScope(),
            Mask = ones([rows.shape[0], rows.shape[1]], ScalarType.Int64, rows.device).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [.. Enumerable.Range(0, TemplateCount).Select(c => Build([c]).Embeddings[0].clone().MoveToOuterDisposeScope())];
    }

    /// <inheritdoc/>
    public void Project()
    {
        // No bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _first.Dispose();
        _last.Dispose();
        Words.Dispose();
    }
}
