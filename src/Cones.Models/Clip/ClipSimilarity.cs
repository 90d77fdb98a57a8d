using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>How CLIP compares images and texts in the joint space (Radford et al. 2021, figure 3).</summary>
public static class ClipSimilarity
{
    /// <summary>Divides every row by its L2 norm.</summary>
    /// <param name="embeds">[..., P]; a row of zeros gives NaN, as in the reference.</param>
    /// <returns>[..., P]</returns>
    public static Tensor Normalize(Tensor embeds)
    {
        using var scope = NewDisposeScope();
        return (embeds / embeds.norm(-1, keepdim: true)).MoveToOuterDisposeScope();
    }

    /// <summary>Scaled cosines of every row of one with every row of the other.</summary>
    /// <param name="rows">[M, P], L2-normalised.</param>
    /// <param name="columns">[N, P], L2-normalised.</param>
    /// <param name="logitScale">A scalar, the natural logarithm of the scale.</param>
    /// <returns>[M, N]</returns>
    /// <exception cref="ArgumentException">The widths differ.</exception>
    public static Tensor Logits(Tensor rows, Tensor columns, Tensor logitScale)
    {
        if (rows.dim() != 2 || columns.dim() != 2 || rows.shape[1] != columns.shape[1])
            throw new ArgumentException($"{ClipChecks.Text(rows.shape)} and {ClipChecks.Text(columns.shape)} are not [M,P] and [N,P]", nameof(columns));
        if (logitScale.numel() != 1)
            throw new ArgumentException($"logitScale must be a scalar, not {ClipChecks.Text(logitScale.shape)}", nameof(logitScale));
        using var scope = NewDisposeScope();
        return (logitScale.exp() * rows.matmul(columns.t())).MoveToOuterDisposeScope();
    }

    /// <summary>The mean of both cross-entropies, texts to images and images to texts, where pair i belongs together.</summary>
    /// <param name="logitsPerText">[N, N]</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">There are not as many images as texts.</exception>
    public static Tensor ContrastiveLoss(Tensor logitsPerText)
    {
        if (logitsPerText.dim() != 2 || logitsPerText.shape[0] != logitsPerText.shape[1])
            throw new ArgumentException($"the loss needs as many images as texts, not {ClipChecks.Text(logitsPerText.shape)}", nameof(logitsPerText));
        using var scope = NewDisposeScope();
        var own = arange(logitsPerText.shape[0], device: logitsPerText.device);
        var perText = nn.functional.cross_entropy(logitsPerText, own);
        var perImage = nn.functional.cross_entropy(logitsPerText.t(), own);
        return ((perText + perImage) / 2).MoveToOuterDisposeScope();
    }
}
