using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>What the text tower computes from B texts of T tokens.</summary>
/// <param name="LastHiddenState">[B, T, D], the last layer's output after the final layer norm; feeds the UNet of SD 1.x and 2.x.</param>
/// <param name="PooledOutput">[B, D], <paramref name="LastHiddenState"/> at the end-of-text slot.</param>
/// <param name="HiddenStates">
/// Layers + 1 tensors [B, T, D], not normed: the input of the first layer, then each layer's output. SDXL conditions on
/// <c>HiddenStates[^2]</c>.
/// </param>
/// <param name="TextEmbeds">[B, P], the pooled output in the joint space, not L2-normalised; null without a projection.</param>
public sealed record ClipTextOutput(Tensor LastHiddenState, Tensor PooledOutput, IReadOnlyList<Tensor> HiddenStates, Tensor? TextEmbeds);
