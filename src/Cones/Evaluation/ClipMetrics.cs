using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Evaluation;

/// <summary>
/// Metrics on CLIP features, computed in float64. Features need not be normalised; a row of zeros has cosine 0 with everything.
/// </summary>
/// <remarks>
/// <see cref="ClipScore"/> (2.5 x, each pair clamped) and <see cref="TorchMetricsClipScore"/> (100 x, the mean clamped) both
/// go by the name CLIPScore, mostly with different encoders (ViT-B/32 and ViT-L/14): their numbers must not be compared. The
/// original prefixes captions with "A photo depicts ".
/// </remarks>
public static class ClipMetrics
{
    const double ClipScoreWeight = 2.5;

    /// <summary>The cosine of every row of one set with every row of the other.</summary>
    /// <param name="a">Features <c>[N, D]</c>.</param>
    /// <param name="b">Features <c>[M, D]</c>.</param>
    /// <returns><c>[N, M]</c>, float64, in [-1, 1].</returns>
    /// <exception cref="ArgumentException">A shape does not fit or a value is not finite (so for all methods here).</exception>
    public static Tensor CosineMatrix(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Unit(a, nameof(a)), Unit(b, nameof(b)));
        Features.RequireSameWidth(x, y, nameof(b));
        return x.matmul(y.t()).MoveToOuterDisposeScope(); // [N, D] x [D, M] -> [N, M]
    }

    /// <summary>The cosine of each image with its own text.</summary>
    /// <param name="images">Image features <c>[N, D]</c>.</param>
    /// <param name="texts">The text features of each image's prompt <c>[N, D]</c>.</param>
    /// <returns><c>[N]</c>, float64, in [-1, 1].</returns>
    public static Tensor PairCosines(Tensor images, Tensor texts)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Unit(images, nameof(images)), Unit(texts, nameof(texts)));
        Features.RequirePairs(x, y, nameof(texts));
        return (x * y).sum(1).MoveToOuterDisposeScope(); // [N, D] -> [N]
    }

    /// <summary>CLIP-I: the mean cosine over all pairs of a generated and a real image (DreamBooth, arXiv 2208.12242, section 4.2).</summary>
    /// <param name="generated">Image features <c>[N, D]</c>.</param>
    /// <param name="real">Image features <c>[M, D]</c>. With DINO features the same mean is the DINO score.</param>
    /// <returns>In [-1, 1], higher is more alike.</returns>
    public static double ClipI(Tensor generated, Tensor real)
    {
        using var scope = NewDisposeScope();
        return CosineMatrix(generated, real).mean().item<double>();
    }

    /// <summary>CLIP-I of the real images among themselves, over ordered pairs of different images: what CLIP-I can reach.</summary>
    /// <param name="real">Image features <c>[M, D]</c>, at least two.</param>
    public static double ClipIAmongReal(Tensor real)
    {
        using var scope = NewDisposeScope();
        var cosines = CosineMatrix(Features.Rows(real, nameof(real), atLeast: 2), real); // [M, M]
        var count = cosines.shape[0];
        return (cosines.sum() - cosines.trace()).item<double>() / (count * (count - 1));
    }

    /// <summary>CLIP-T: the mean cosine of the images with their prompts, not clamped (DreamBooth, section 4.2).</summary>
    /// <param name="images">Image features <c>[N, D]</c>.</param>
    /// <param name="texts">The text features of each image's prompt <c>[N, D]</c>.</param>
    /// <returns>In [-1, 1], higher is closer to the prompt.</returns>
    public static double ClipT(Tensor images, Tensor texts)
    {
        using var scope = NewDisposeScope();
        return PairCosines(images, texts).mean().item<double>();
    }

    /// <summary>CLIPScore of each pair: 2.5 max(cos, 0) (arXiv 2104.08718, section 3).</summary>
    /// <param name="images">Image features <c>[N, D]</c>.</param>
    /// <param name="texts">Caption features <c>[N, D]</c>.</param>
    /// <returns><c>[N]</c>, float64, in [0, 2.5].</returns>
    public static Tensor ClipScores(Tensor images, Tensor texts)
    {
        using var scope = NewDisposeScope();
        return (PairCosines(images, texts).clamp_min(0) * ClipScoreWeight).MoveToOuterDisposeScope();
    }

    /// <summary>The mean of <see cref="ClipScores"/>.</summary>
    /// <param name="images">Image features <c>[N, D]</c>.</param>
    /// <param name="texts">Caption features <c>[N, D]</c>.</param>
    /// <returns>In [0, 2.5].</returns>
    public static double ClipScore(Tensor images, Tensor texts)
    {
        using var scope = NewDisposeScope();
        return ClipScores(images, texts).mean().item<double>();
    }

    /// <summary>What torchmetrics calls CLIPScore: max(mean(100 cos), 0).</summary>
    /// <param name="images">Image features <c>[N, D]</c>.</param>
    /// <param name="texts">Caption features <c>[N, D]</c>.</param>
    /// <returns>In [0, 100].</returns>
    public static double TorchMetricsClipScore(Tensor images, Tensor texts) => Math.Max(100 * ClipT(images, texts), 0);

    static Tensor Unit(Tensor features, string name)
    {
        var rows = Features.Rows(features, name);
        // To a largest entry of 1 first: the squares of tiny or huge features would leave the range of numbers.
        var largest = rows.abs().amax([1], keepdim: true); // [N, 1]
        rows /= largest.where(largest > 0, ones_like(largest));
        return rows / rows.norm(1, keepdim: true).clamp_min(1); // a row that is not zero has norm >= 1
    }
}
