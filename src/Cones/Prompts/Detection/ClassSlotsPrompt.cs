using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>
/// Concept embedding search (ConES, arXiv 2305.18993) for a detector: each class's slots at the text encoder's output are learned, and the
/// slots of no class too where <see cref="BackgroundKind"/> says so; all else stays as it was encoded. A class may have more or fewer slots
/// than its name has tokens.
/// </summary>
/// <remarks>The optimiser sees how far the vectors have moved, so that a weight decay draws them to their start instead of to 0.</remarks>
public sealed class ClassSlotsPrompt : IDetectionPrompt
{
    readonly CaptionEncoding _caption;
    readonly Tensor _order;
    readonly Tensor _mask;
    readonly LearnedRows _rows;
    readonly LearnedRows? _background;
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
        if (background.Kind == BackgroundKind.Caption && background.Vectors[0].shape[0] != caption.Others.Count)
            throw new ArgumentException($"{background.Vectors[0].shape[0]} vectors given for the {caption.Others.Count} slots of no class", nameof(background));
        _caption = caption;
        BackgroundKind = background.Kind;
        using var scope = NewDisposeScope();
        _maxNorm = normBound * ClassVectors.MeanNorm(caption);
        _rows = new LearnedRows("concept", initial, caption.Hidden.device);
        _background = background.Kind == BackgroundKind.None ? null : new LearnedRows("background", background.Vectors, caption.Hidden.device);
        var (order, classes) = SlotLayout.Replace(caption, _rows.Counts, background.Kind, _background?.Counts);
        Classes = classes;
        _order = tensor(order.ToArray(), device: caption.Hidden.device).DetachFromDisposeScope();
        // Learned slots are always seen, but those of the caption as they were.
        var learned = ones([_rows.Counts.Sum()], ScalarType.Int64, caption.Mask.device);
        var others = background.Kind == BackgroundKind.Caption
            ? caption.Mask[0].index_select(0, tensor(caption.Others.Select(t => (long)t).ToArray(), device: caption.Mask.device))
            : ones([_background?.Counts.Sum() ?? 0], ScalarType.Int64, caption.Mask.device);
        _mask = cat([caption.Mask[0], learned, others], 0).index_select(0, _order).unsqueeze(0).DetachFromDisposeScope(); // [1, T']
        Parameters = _background is null ? [_rows.Parameter] : [_rows.Parameter, _background.Parameter];
    }

    /// <inheritdoc/>
    public string Method => "concept";

    /// <summary>How far the searched vectors of all classes, one below the other, are from their start, [sum of n, L]: what is optimised.</summary>
    public Tensor Moves => _rows.Moves;

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
        Tensor[] rows = _background is null ? [_caption.Hidden[0], _rows.Now()] : [_caption.Hidden[0], _rows.Now(), _background.Now()];
        var caption = cat(rows, 0).index_select(0, _order).unsqueeze(0); // [T + n, L] -> [1, T', L]
        return new Conditioning
        {
            Embeddings = caption.expand(templates.Length, -1, -1).MoveToOuterDisposeScope(),
            Mask = _mask.expand(templates.Length, -1).MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> ToVectors() => _rows.ToParts();

    /// <summary>The vectors of no class, as <see cref="BackgroundSlots.NamesOf"/> names them; of the caller's dispose scope, without graph.</summary>
    public IReadOnlyList<Tensor> ToBackgroundVectors() => _background?.ToParts() ?? [];

    /// <inheritdoc/>
    public void Project()
    {
        if (_maxNorm <= 0) return;
        _rows.Bound(_maxNorm);
        _background?.Bound(_maxNorm);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows.Dispose();
        _background?.Dispose();
        _order.Dispose();
        _mask.Dispose();
    }
}
