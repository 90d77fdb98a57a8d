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
    readonly bool _shares;

    /// <summary>The text encoder: words [1, T, D], and the slots of each class among them, to hidden states [1, T, L], with gradients.</summary>
    public delegate Tensor TextEncoderCall(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes);

    InputWordsPrompt(string method, CaptionEncoding caption, Tensor initial, IReadOnlyList<long> order, IReadOnlyList<IReadOnlyList<int>> classes, TextEncoderCall encode)
    {
        (Method, Classes, _encode) = (method, classes, encode);
        Vectors = initial.detach().to(ScalarType.Float32).clone().requires_grad_().DetachFromDisposeScope();
        (_words, _order, _mask) = Place(caption, order, Vectors.shape[0]);
        Parameters = [new(method.Replace('-', '_'), Vectors)];
    }

    InputWordsPrompt(InputWordsPrompt owner, CaptionEncoding caption, IReadOnlyList<long> order, IReadOnlyList<IReadOnlyList<int>> classes)
    {
        (Method, Classes, _encode, Vectors, Parameters, _shares) = (owner.Method, classes, owner._encode, owner.Vectors, owner.Parameters, true);
        (_words, _order, _mask) = Place(caption, order, Vectors.shape[0]);
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

    /// <summary>The same context words, which this prompt owns, before the names of another caption.</summary>
    /// <exception cref="InvalidOperationException">These are no context words.</exception>
    public InputWordsPrompt ShareContext(CaptionEncoding caption)
    {
        if (Method != "soft-context") throw new InvalidOperationException($"{Method} has words for each class: they cannot be shared");
        var (order, classes) = SlotLayout.Precede(caption, (int)Vectors.shape[0]);
        return new InputWordsPrompt(this, caption, order, classes);
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
        foreach (var tensor in (Tensor[])[_words, _order, _mask]) tensor.Dispose();
        if (!_shares) Vectors.Dispose();
    }

    // The caption's words [T, D], where each slot's come from [T'], and the mask [1, T'].
    static (Tensor Words, Tensor Order, Tensor Mask) Place(CaptionEncoding caption, IReadOnlyList<long> order, long learned)
    {
        using var scope = NewDisposeScope();
        var words = RequireWords(caption)[0].clone().DetachFromDisposeScope();
        var places = tensor(order.ToArray(), device: words.device).DetachFromDisposeScope();
        var mask = cat([caption.Mask[0], ones([learned], ScalarType.Int64, caption.Mask.device)], 0).index_select(0, places).unsqueeze(0);
        return (words, places, mask.DetachFromDisposeScope());
    }

    static Tensor RequireWords(CaptionEncoding caption) => caption.Words ?? throw new ArgumentException("the caption has no word embeddings", nameof(caption));
}
