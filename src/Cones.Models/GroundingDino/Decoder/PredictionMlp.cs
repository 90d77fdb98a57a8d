using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Decoder;

/// <summary>Linear layers with ReLU between them (<c>GroundingDinoMLPPredictionHead</c>).</summary>
sealed class PredictionMlp : Module
{
    readonly ModuleList<Linear> _layers;

    /// <summary>Layers from each of <paramref name="widths"/> to the next.</summary>
    public PredictionMlp(params IReadOnlyList<int> widths) =>
        _layers = Add("layers", new ModuleList<Linear>(Enumerable.Range(0, widths.Count - 1).Select(i => new Linear(widths[i], widths[i + 1]))));

    /// <summary>A head that predicts boxes: three layers to (cx, cy, w, h).</summary>
    public static PredictionMlp OfBoxes(int dim) => new(dim, dim, dim, 4);

    /// <summary>Maps [..., first width] to [..., last width].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < _layers.Count - 1; i++) x = _layers[i].Forward(x).relu();
        return _layers[^1].Forward(x).MoveToOuterDisposeScope();
    }
}

/// <summary>The box heads of the decoder layers: one each, or one for all.</summary>
sealed class BoxHeads : Module
{
    readonly List<PredictionMlp> _heads = [];
    readonly bool _shared;

    public BoxHeads(GroundingDinoConfig c)
    {
        _shared = c.SharedBoxHeads;
        for (var i = 0; i < (_shared ? 1 : c.DecoderLayers); i++) _heads.Add(Add($"{i}", PredictionMlp.OfBoxes(c.DModel)));
    }

    /// <summary>The head of a decoder layer.</summary>
    public PredictionMlp this[int layer] => _heads[_shared ? 0 : layer];

    /// <summary>What each layer's queries add to their references before the sigmoid.</summary>
    /// <param name="states">[L, B, Q, D].</param>
    /// <returns>[L, B, Q, 4].</returns>
    public Tensor Forward(Tensor states)
    {
        if (_shared) return _heads[0].Forward(states);
        using var scope = NewDisposeScope();
        return stack(_heads.Select((head, i) => head.Forward(states[i])), 0).MoveToOuterDisposeScope();
    }
}
