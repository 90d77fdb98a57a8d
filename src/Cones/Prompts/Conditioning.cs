using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>
/// What a text encoder hands to the rest of a model: the one seam of this project. A prompt makes it, a task uses it,
/// neither knows the other.
/// </summary>
public sealed record Conditioning
{
    /// <summary>The encodings, [B, T, D].</summary>
    public required Tensor Embeddings { get; init; }

    /// <summary>
    /// Encodings of their own for every cross-attention layer (P+, arXiv 2303.09522), each [B, T, D], in the order of the
    /// forward pass; null where all layers see <see cref="Embeddings"/>.
    /// </summary>
    public IReadOnlyList<Tensor>? PerLayer { get; init; }

    /// <summary>The pooled embedding of models that need one (SDXL), [B, P].</summary>
    public Tensor? Pooled { get; init; }

    /// <summary>Which slots are real, [B, T] bool; null where the family uses none (Stable Diffusion).</summary>
    public Tensor? Mask { get; init; }
}
