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
    readonly int[] _backgroundCounts;
    readonly double _maxNorm;

    /// <summary>A prompt that starts from vectors.</summary>
    /// <param name="caption">The encoded caption; not owned.</param>
    /// <param name="initial">For each class [n, L], n at least 1.</param>
    /// <param name="background">Learned slots of no class; null for none.</param>
    /// <param name="normBound">The largest norm of a learned vector, as a multiple of the mean norm of the names' encodings; 0 for no bound.</param>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public ClassSlotsPrompt(CaptionEncoding caption, IReadOnlyList<Tensor> initial, BackgroundSlots? background = null, double normBound = 0)
    {
        background ??= BackgroundSlots.None;
        if (initial.Count != caption.Classes.Count)
            throw new ArgumentException($"vectors of {initial.Count} classes given, the caption has {caption.Classes.Count}", nameof(initial));
        if (background.Vectors.Count != BackgroundSlots.NamesOf(background.Kind, [.. initial.Select(_ => "")]).Count)
            throw new ArgumentException($"background vectors of {background.Vectors.Count} places given for {initial.Count} classes", nameof(background));
        if (initial.Concat(background.Vectors).FirstOrDefault(v => v.dim() != 2 || v.shape[0] < 1 || v.shape[1] != caption.Dim) is { } wrong)
            throw new ArgumentException($"vectors of shape [{string.Join(",", wrong.shape)}] given, [n,{caption.Dim}] expected", nameof(initial));
        _caption = caption;
        _counts = [.. initial.Select(v => (int)v.shape[0])];
        _backgroundCounts = [.. background.Vectors.Select(v => (int)v.shape[0])];
        BackgroundKind = background.Kind;
        var (order, classes) = SlotLayout.Replace(caption, _counts, background.Kind, _backgroundCounts);
        Classes = classes;
        using var scope = NewDisposeScope();
        _maxNorm = normBound * ClassVectors.MeanNorm(caption);
        Vectors = Leaf(initial);
        if (background.Kind != BackgroundKind.None) BackgroundVectors = Leaf(background.Vectors);
        _order = tensor(order.ToArray(), device: caption.Hidden.device).DetachFromDisposeScope();
        // Learned slots are always seen.
        _mask = cat([caption.Mask[0], ones([_counts.Sum() + _backgroundCounts.Sum()], ScalarType.Int64, caption.Mask.device)], 0).index_select(0, _order).unsqueeze(0).DetachFromDisposeScope(); // [1, T']
        Parameters = BackgroundVectors is null ? [new("concept", Vectors)] : [new("concept", Vectors), new("background", BackgroundVectors)];

        Tensor Leaf(IReadOnlyList<Tensor> parts) =>
            cat([.. parts.Select(v => v.detach().to(ScalarType.Float32, caption.Hidden.device))], 0).clone().requires_grad_().DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public string Method => "concept";

    /// <summary>The searched vectors of all classes one below the other, [sum of n, L].</summary>
    public Tensor Vectors { get; }

    /// <summary>Those of no class, [m, L], or null.</summary>
    public Tensor? BackgroundVectors { get; }

    /// <summary>Where those of no class stand.</summary>
    public BackgroundKind BackgroundKind { get; }

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
        Tensor[] rows = BackgroundVectors is null ? [_caption.Hidden[0], Vectors] : [_caption.Hidden[0], Vectors, BackgroundVectors];
        var caption = cat(rows, 0).index_select(0, _order).unsqueeze(0); // [T + n, L] -> [1, T', L]
        return new Conditioning
        {
            Embeddings = caption.expand(templates.Length, -1, -1).MoveToOuterDisposeScope(),
            Mask = _mask.expand(templates.Length, -1).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors() => Parts(Vectors, _counts);

    /// <summary>The vectors of no class, as <see cref="BackgroundSlots.NamesOf"/> names them; of the caller's dispose scope, without graph.</summary>
    public IReadOnlyList<Tensor> ToBackgroundVectors() => BackgroundVectors is null ? [] : Parts(BackgroundVectors, _backgroundCounts);

    /// <inheritdoc/>
    public void Project()
    {
        if (_maxNorm <= 0) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (_, vectors) in Parameters)
            vectors.mul_((_maxNorm / vectors.norm(-1, keepdim: true).clamp_min(1e-12)).clamp_max(1)); // [n, L] x [n, 1]
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Vectors.Dispose();
        BackgroundVectors?.Dispose();
        _order.Dispose();
        _mask.Dispose();
    }

    static IReadOnlyList<Tensor> Parts(Tensor rows, IReadOnlyList<int> counts)
    {
        using var noGrad = no_grad();
        var parts = new List<Tensor>();
        var first = 0;
        foreach (var count in counts)
        {
            using var part = rows.narrow(0, first, count);
            parts.Add(part.detach().clone());
            first += count;
        }

        return parts;
    }
}
