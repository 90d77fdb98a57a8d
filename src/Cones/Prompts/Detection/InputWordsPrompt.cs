using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>
/// Vectors at the text encoder's input, which therefore runs every step: a pseudo-word in place of each class's name (textual inversion,
/// arXiv 2208.01618), or context words before each name that all classes share (CoOp, arXiv 2109.01134).
/// </summary>
public sealed class InputWordsPrompt : IDetectionPrompt
{
    readonly Tensor _words;
    readonly Tensor _order;
    readonly Tensor _mask;
    readonly TextEncoderCall _encode;

    /// <summary>The text encoder: words [1, T, D], and the slots of each class among them, to hidden states [1, T, L], with gradients.</summary>
    public delegate Tensor TextEncoderCall(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes);

    InputWordsPrompt(string method, CaptionEncoding caption, Tensor initial, IReadOnlyList<long> order, IReadOnlyList<IReadOnlyList<int>> classes, TextEncoderCall encode)
    {
        (Method, Classes, _encode) = (method, classes, encode);
        using var scope = NewDisposeScope();
        Vectors = initial.detach().to(ScalarType.Float32).clone().requires_grad_().DetachFromDisposeScope();
        _words = RequireWords(caption)[0].clone().DetachFromDisposeScope();
        _order = tensor(order.ToArray(), device: _words.device).DetachFromDisposeScope();
        _mask = cat([caption.Mask[0], ones([Vectors.shape[0]], ScalarType.Int64, caption.Mask.device)], 0).index_select(0, _order).unsqueeze(0).DetachFromDisposeScope(); // [1, T']
        Parameters = [new(method.Replace('-', '_'), Vectors)];
    }

    /// <summary>Pseudo-words: each class's slots hold learned words only, which start from the mean of its name's.</summary>
    /// <param name="caption">The encoded caption with its words; not owned.</param>
    /// <param name="count">Learned words of each class, at least 1.</param>
    /// <param name="encode">The text encoder.</param>
    public static InputWordsPrompt PseudoWords(CaptionEncoding caption, int count, TextEncoderCall encode)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        using var scope = NewDisposeScope();
        var words = RequireWords(caption)[0]; // [T, D]
        var initial = caption.Classes.Select(c => words.narrow(0, c[0], c.Count).mean([0], keepdim: true).expand(count, -1)).ToArray();
        var (order, classes) = SlotLayout.Replace(caption, [.. caption.Classes.Select(_ => count)]);
        return new InputWordsPrompt("pseudo-word", caption, cat(initial, 0), order, classes, encode);
    }

    /// <summary>Context words before each name; they start from random numbers of the deviation 0.02.</summary>
    /// <param name="caption">The encoded caption with its words; not owned.</param>
    /// <param name="count">Context words, at least 1.</param>
    /// <param name="seed">The seed of the random numbers.</param>
    /// <param name="encode">As for pseudo-words.</param>
    public static InputWordsPrompt SoftContext(CaptionEncoding caption, int count, ulong seed, TextEncoderCall encode)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed, CPU);
        var words = RequireWords(caption);
        var initial = (randn([count, words.shape[2]], generator: generator) * 0.02).to(words.device);
        var (order, classes) = SlotLayout.Precede(caption, count);
        return new InputWordsPrompt("soft-context", caption, initial, order, classes, encode);
    }

    /// <inheritdoc/>
    public string Method { get; }

    /// <summary>The searched word embeddings, [n, D].</summary>
    public Tensor Vectors { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => 1;

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<int>> Classes { get; }

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        var hidden = _encode(cat([_words, Vectors], 0).index_select(0, _order).unsqueeze(0), Classes); // [T + n, D] -> [1, T', D]
        return new Conditioning
        {
            Embeddings = hidden.to(ScalarType.Float32).expand(templates.Length, -1, -1).MoveToOuterDisposeScope(),
            Mask = _mask.expand(templates.Length, -1).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [Build([0]).Embeddings[0].clone().MoveToOuterDisposeScope()];
    }

    /// <inheritdoc/>
    public void Project()
    {
        // No bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[Vectors, _words, _order, _mask]) tensor.Dispose();
    }

    static Tensor RequireWords(CaptionEncoding caption) => caption.Words ?? throw new ArgumentException("the caption has no word embeddings", nameof(caption));
}
