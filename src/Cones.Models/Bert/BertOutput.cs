using static TorchSharp.torch;

namespace Cones.Models.Bert;

/// <summary>What <see cref="BertModel"/> computes from B texts of T tokens.</summary>
/// <param name="HiddenStates">
/// Layers + 1 tensors [B, T, D]: the embeddings after their norm, then each layer's output. Slots of padding hold numbers
/// too, which mean nothing.
/// </param>
/// <param name="PoolerOutput">[B, D], from the first token; null for a model without a pooler.</param>
public sealed record BertOutput(IReadOnlyList<Tensor> HiddenStates, Tensor? PoolerOutput)
{
    /// <summary>[B, T, D], the last layer's output: the last of <see cref="HiddenStates"/>.</summary>
    public Tensor LastHiddenState => HiddenStates[^1];
}
