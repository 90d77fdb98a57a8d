using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>How a <see cref="ConceptPrompt"/> is built.</summary>
public sealed record ConceptPromptOptions
{
    /// <summary>Where the vectors go.</summary>
    public SlotRule Rule { get; init; } = SlotRule.Overwrite;

    /// <summary>The number of cross-attention layers, for vectors of their own in each (P+); 0 for one set for all.</summary>
    public int Layers { get; init; }

    /// <summary>
    /// The largest norm of a learned vector, as a multiple of <see cref="TemplateEncodings.ReferenceNorm"/> (of the pooled
    /// embedding, of the templates' mean norm); 0 for no bound.
    /// An unbounded slot leaks into the background.
    /// </summary>
    public double NormBound { get; init; }

    /// <summary>Whether the pooled embedding is searched too, where the model has one.</summary>
    public bool Pooled { get; init; } = true;
}

/// <summary>
/// Concept embedding search (ConES, arXiv 2305.18993): vectors at the text encoder's output, put into cached encodings of
/// many templates. The text encoder does not run.
/// </summary>
public sealed class ConceptPrompt : IPrompt, IDisposable
{
    readonly TemplateEncodings _templates;
    readonly ConceptPromptOptions _options;
    readonly double _maxNorm;
    readonly double _maxPooledNorm;

    /// <summary>A prompt that starts from <paramref name="initial"/>.</summary>
    /// <param name="templates">The cached encodings; not owned.</param>
    /// <param name="initial">
    /// [n, D] or, per layer, [L, n, D]; n as <see cref="SlotRules.VectorCount"/> says. One set is copied to every layer.
    /// </param>
    /// <param name="initialPooled">[P], where the model needs it.</param>
    /// <param name="options">Slot rule, layers, bounds.</param>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public ConceptPrompt(TemplateEncodings templates, Tensor initial, Tensor? initialPooled, ConceptPromptOptions options)
    {
        _templates = templates;
        _options = options;
        _maxNorm = options.NormBound * templates.ReferenceNorm();
        var count = SlotRules.VectorCount(options.Rule, (int)initial.shape[^2], templates.Length);
        if (initial.shape[^1] != templates.Dim || initial.shape[^2] != count)
            throw new ArgumentException($"initial vectors have shape [{string.Join(",", initial.shape)}], [{count},{templates.Dim}] expected", nameof(initial));

        using var scope = NewDisposeScope();
        var start = initial.detach().to(ScalarType.Float32);
        if (options.Layers > 0 && start.dim() == 2) start = start.unsqueeze(0).expand(options.Layers, -1, -1); // [n, D] -> [L, n, D]
        if (options.Layers > 0 != (start.dim() == 3) || (options.Layers > 0 && start.shape[0] != options.Layers))
            throw new ArgumentException($"initial vectors have shape [{string.Join(",", start.shape)}] for {options.Layers} layers", nameof(initial));

        Vectors = start.clone().requires_grad_().DetachFromDisposeScope();
        if (options.Pooled && initialPooled is not null)
        {
            PooledVector = initialPooled.detach().to(ScalarType.Float32).clone().requires_grad_().DetachFromDisposeScope();
            _maxPooledNorm = options.NormBound * (templates.Pooled ?? initialPooled.unsqueeze(0)).norm(-1).mean().item<float>();
        }

        Parameters = PooledVector is null ? [new("concept", Vectors)] : [new("concept", Vectors), new("pooled", PooledVector)];
    }

    /// <inheritdoc/>
    public string Method => "concept";

    /// <summary>The searched vectors, [n, D] or [L, n, D].</summary>
    public Tensor Vectors { get; }

    /// <summary>The searched pooled embedding, [P], or null.</summary>
    public Tensor? PooledVector { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => _templates.Templates.Count;

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        var rows = tensor(Array.ConvertAll(templates.ToArray(), t => (long)t), device: _templates.Embeddings.device);
        var encodings = _templates.Embeddings.index_select(0, rows); // [B, T, D]
        var slots = _templates.Slots.index_select(0, rows); // [B, n]
        var pooled = PooledVector is not null
            ? PooledVector.unsqueeze(0).expand(rows.shape[0], -1)
            : _templates.Pooled?.index_select(0, rows);

        if (_options.Layers == 0)
        {
            return new Conditioning
            {
                Embeddings = SlotAssembly.Apply(_options.Rule, encodings, slots, Vectors).MoveToOuterDisposeScope(),
                Pooled = pooled?.MoveToOuterDisposeScope(),
            };
        }

        var perLayer = new Tensor[_options.Layers];
        for (var layer = 0; layer < perLayer.Length; layer++)
            perLayer[layer] = SlotAssembly.Apply(_options.Rule, encodings, slots, Vectors[layer]).MoveToOuterDisposeScope();
        return new Conditioning { Embeddings = perLayer[0], PerLayer = perLayer, Pooled = pooled?.MoveToOuterDisposeScope() };
    }

    /// <inheritdoc/>
    public void Project()
    {
        if (_maxNorm <= 0) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Bound(Vectors, _maxNorm);
        if (PooledVector is not null) Bound(PooledVector, _maxPooledNorm);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Vectors.Dispose();
        PooledVector?.Dispose();
    }
    static void Bound(Tensor vectors, double norm)
    {
        var norms = vectors.norm(-1, keepdim: true); // [..., n, 1]
        vectors.mul_((norm / norms.clamp_min(1e-12)).clamp_max(1));
    }
}
