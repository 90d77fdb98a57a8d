using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Decoder;

/// <summary>
/// Class scores: the product of a query with every token (<c>GroundingDinoContrastiveEmbedding</c>). MM Grounding DINO
/// divides it by the root of the width and adds a bias.
/// </summary>
sealed class ContrastiveHead : Module
{
    readonly List<Weight> _biases = [];
    readonly bool _scaled;

    /// <summary>A head, or several with the same scale: the weights are named by <paramref name="biasNames"/>.</summary>
    public ContrastiveHead(bool scaled, params IEnumerable<string> biasNames)
    {
        _scaled = scaled;
        if (!scaled) return;
        foreach (var name in biasNames) _biases.Add(AddWeight(name));
    }

    /// <summary>The heads of the decoder layers: with a bias each, or one for all.</summary>
    public static ContrastiveHead OfLayers(GroundingDinoConfig c) =>
        new(c.ScaledClassHeads, Enumerable.Range(0, c.SharedClassHeads ? 1 : c.DecoderLayers).Select(i => $"{i}.bias"));

    /// <summary>Scores.</summary>
    /// <param name="states">[B, Q, D], or [L, B, Q, D] of all layers.</param>
    /// <param name="text">[B, T, D].</param>
    /// <param name="textPadding">[B, T], bool: tokens that get minus infinity; null for none.</param>
    /// <returns>[B, Q, T] or [L, B, Q, T], logits of at least single precision: in bfloat16 many queries would score the same.</returns>
    public Tensor Forward(Tensor states, Tensor text, Tensor? textPadding)
    {
        using var scope = NewDisposeScope();
        (states, text) = (SinglePrecision.Of(states), SinglePrecision.Of(text));
        if (_scaled) text = text / Math.Sqrt(text.shape[^1]);
        var scores = states.matmul(text.transpose(1, 2));
        if (_biases.Count == 1) scores = scores + SinglePrecision.Of(_biases[0].Value);
        if (_biases.Count > 1) scores = scores + stack(_biases.Select(b => SinglePrecision.Of(b.Value))).view(-1, 1, 1, 1); // [L] -> [L, 1, 1, 1]
        if (textPadding is not null) scores = scores.masked_fill(textPadding.unsqueeze(1), double.NegativeInfinity);
        return scores.MoveToOuterDisposeScope();
    }
}
