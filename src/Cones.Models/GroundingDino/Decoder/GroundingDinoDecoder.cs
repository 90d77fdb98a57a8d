using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Decoder;

/// <summary>The queries, layer by layer, each layer moving their boxes (<c>GroundingDinoDecoder</c>).</summary>
sealed class GroundingDinoDecoder : Module
{
    // Boxes this close to 0 or 1 are moved away before their logit is taken.
    const double LogitEps = 1e-5;

    readonly ModuleList<DecoderLayer> _layers;
    readonly LayerNorm _norm;
    readonly PredictionMlp _referenceHead;
    readonly long _dim;

    public GroundingDinoDecoder(GroundingDinoConfig c)
    {
        _dim = c.DModel;
        _layers = Add("layers", new ModuleList<DecoderLayer>(Enumerable.Range(0, c.DecoderLayers).Select(_ => new DecoderLayer(c))));
        _norm = Add("layer_norm", new LayerNorm(c.DModel, c.LayerNormEps));
        _referenceHead = Add("reference_points_head", new PredictionMlp(2 * c.DModel, c.DModel, c.DModel));
    }

    /// <summary>The layers, for those who want to see them one by one.</summary>
    public IReadOnlyList<DecoderLayer> Layers => _layers;

    /// <summary>Decodes.</summary>
    /// <param name="states">[B, Q, D], the queries' content.</param>
    /// <param name="references">[B, Q, 4], their boxes (cx, cy, w, h) in 0..1.</param>
    /// <param name="validRatios">[B, levels, 2].</param>
    /// <param name="memory">What the queries look at.</param>
    /// <param name="heads">The box heads, which move the references from layer to layer.</param>
    /// <returns>
    /// Each layer's states after the norm, [L, B, Q, D]; and the references, [L + 1, B, Q, 4]: the first ones, then those
    /// after each layer. No gradient passes a layer's references.
    /// </returns>
    public (Tensor States, Tensor References) Forward(Tensor states, Tensor references, Tensor validRatios, DecoderMemory memory, BoxHeads heads)
    {
        using var scope = NewDisposeScope();
        var ratios = cat([validRatios, validRatios], -1).unsqueeze(1); // [B, 1, levels, 4]
        var (allStates, allReferences) = (new List<Tensor>(), new List<Tensor> { references });
        for (var i = 0; i < _layers.Count; i++)
        {
            var perLevel = references.unsqueeze(2) * ratios; // [B, Q, levels, 4]
            states = _layers[i].Forward(states, Positions(perLevel, states.dtype), perLevel, memory);
            references = Refine(heads[i], states, references);
            allStates.Add(_norm.Forward(states));
            allReferences.Add(references);
        }

        return (stack(allStates).MoveToOuterDisposeScope(), stack(allReferences).MoveToOuterDisposeScope());
    }

    /// <summary>The queries' position embedding, [B, Q, D], from their boxes on the finest level.</summary>
    public Tensor Positions(Tensor referencesPerLevel, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var waves = SinePositions.OfQueries(referencesPerLevel.select(2, 0), _dim / 2).to(type); // [B, Q, 2 D]
        return _referenceHead.Forward(waves).MoveToOuterDisposeScope();
    }

    /// <summary>The inverse of the sigmoid, finite.</summary>
    public static Tensor Logit(Tensor boxes) => boxes.logit(LogitEps);

    static Tensor Refine(PredictionMlp head, Tensor states, Tensor references)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return (head.Forward(states) + Logit(references)).sigmoid().MoveToOuterDisposeScope();
    }
}
