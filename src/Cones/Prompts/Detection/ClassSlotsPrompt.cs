using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>
/// Concept embedding search (ConES, arXiv 2305.18993) for a detector: each class's slots at the text encoder's output are learned, the rest
/// of the caption stays as it was encoded. A class may have more or fewer slots than its name has tokens.
/// </summary>
public sealed class ClassSlotsPrompt : IDetectionPrompt
{
    readonly CaptionEncoding _caption;
    readonly Tensor _order;
    readonly Tensor _mask;
    readonly int[] _counts;

    /// <summary>A prompt that starts from vectors.</summary>
    /// <param name="caption">The encoded caption; not owned.</param>
    /// <param name="initial">For each class [n, L], n at least 1.</param>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public ClassSlotsPrompt(CaptionEncoding caption, IReadOnlyList<Tensor> initial)
    {
        if (initial.Count != caption.Classes.Count)
            throw new ArgumentException($"vectors of {initial.Count} classes given, the caption has {caption.Classes.Count}", nameof(initial));
        if (initial.FirstOrDefault(v => v.dim() != 2 || v.shape[0] < 1 || v.shape[1] != caption.Dim) is { } wrong)
            throw new ArgumentException($"vectors of shape [{string.Join(",", wrong.shape)}] given, [n,{caption.Dim}] expected", nameof(initial));
        _caption = caption;
        _counts = [.. initial.Select(v => (int)v.shape[0])];
        var (order, classes) = SlotLayout.Replace(caption, _counts);
        Classes = classes;
        using var scope = NewDisposeScope();
        Vectors = cat([.. initial.Select(v => v.detach().to(ScalarType.Float32, caption.Hidden.device))], 0).clone().requires_grad_().DetachFromDisposeScope();
        _order = tensor(order.ToArray(), device: caption.Hidden.device).DetachFromDisposeScope();
        // Learned slots are always seen.
        _mask = cat([caption.Mask[0], ones([Vectors.shape[0]], ScalarType.Int64, caption.Mask.device)], 0).index_select(0, _order).unsqueeze(0).DetachFromDisposeScope(); // [1, T']
        Parameters = [new("concept", Vectors)];
    }

    /// <inheritdoc/>
    public string Method => "concept";

    /// <summary>The searched vectors of all classes one below the other, [sum of n, L].</summary>
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
        var rows = cat([_caption.Hidden[0], Vectors], 0).index_select(0, _order).unsqueeze(0); // [T + n, L] -> [1, T', L]
        return new Conditioning
        {
            Embeddings = rows.expand(templates.Length, -1, -1).MoveToOuterDisposeScope(),
            Mask = _mask.expand(templates.Length, -1).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors()
    {
        using var noGrad = no_grad();
        var vectors = new List<Tensor>();
        var first = 0;
        foreach (var count in _counts)
        {
            using var rows = Vectors.narrow(0, first, count);
            vectors.Add(rows.detach().clone());
            first += count;
        }

        return vectors;
    }

    /// <inheritdoc/>
    public void Project()
    {
        // No bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Vectors.Dispose();
        _order.Dispose();
        _mask.Dispose();
    }
}
