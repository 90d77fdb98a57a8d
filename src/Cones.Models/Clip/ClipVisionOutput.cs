using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>What the vision tower computes from B images of N patches.</summary>
/// <param name="LastHiddenState">[B, 1 + N, D], class slot then patches row by row; the last layer's output, not normed.</param>
/// <param name="PooledOutput">[B, D], the class slot after the last layer norm.</param>
/// <param name="HiddenStates">Layers + 1 tensors [B, 1 + N, D]: the input of the first layer, then each layer's output.</param>
/// <param name="ImageEmbeds">[B, P], the pooled output in the joint space, not L2-normalised; null without a projection.</param>
public sealed record ClipVisionOutput(Tensor LastHiddenState, Tensor PooledOutput, IReadOnlyList<Tensor> HiddenStates, Tensor? ImageEmbeds);
