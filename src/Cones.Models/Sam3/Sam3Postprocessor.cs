using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3;

/// <summary>The objects found on one image, in the order of the queries.</summary>
/// <param name="Scores">sigmoid(logit) · sigmoid(presence), [n].</param>
/// <param name="Boxes">Left, top, right and bottom in pixels of the image, not clipped to it, [n, 4].</param>
/// <param name="Masks">True on the object, bool [n, H, W].</param>
public sealed record Sam3Instances(Tensor Scores, Tensor Boxes, Tensor Masks) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Scores.Dispose();
        Boxes.Dispose();
        Masks.Dispose();
    }
}

/// <summary>Turns the model's output into objects and maps of an image's size (<c>Sam3ImageProcessor.post_process_*</c>).</summary>
public static class Sam3Postprocessor
{
    /// <summary>The objects of each image whose score is above a threshold; none is suppressed because of another.</summary>
    /// <param name="output">The model's output for B images.</param>
    /// <param name="sizes">The images' sizes.</param>
    /// <param name="threshold">The least score.</param>
    /// <param name="maskThreshold">The least probability of an object's pixels, after resizing.</param>
    /// <exception cref="ArgumentException">The number of sizes differs from the images.</exception>
    public static IReadOnlyList<Sam3Instances> Instances(Sam3Output output, IReadOnlyList<ImageSize> sizes, double threshold = 0.3, double maskThreshold = 0.5)
    {
        Check(output.PredLogits, sizes);
        using var noGrad = no_grad();
        return [.. sizes.Select((size, i) => Find(output, i, size, threshold, maskThreshold))];
    }

    /// <summary>For each image where anything is that fits the prompt, bool [H, W].</summary>
    /// <param name="output">The model's output for B images.</param>
    /// <param name="sizes">The images' sizes.</param>
    /// <param name="threshold">The least probability, after resizing.</param>
    /// <exception cref="ArgumentException">The number of sizes differs from the images.</exception>
    public static IReadOnlyList<Tensor> Semantic(Sam3Output output, IReadOnlyList<ImageSize> sizes, double threshold = 0.5)
    {
        Check(output.SemanticSeg, sizes);
        using var noGrad = no_grad();
        return [.. sizes.Select((size, i) =>
        {
            using var scope = NewDisposeScope();
            return (Probabilities(output.SemanticSeg[i], size) > threshold).squeeze(0).MoveToOuterDisposeScope();
        })];
    }

    static Sam3Instances Find(Sam3Output output, int image, ImageSize size, double threshold, double maskThreshold)
    {
        using var scope = NewDisposeScope();
        var scores = output.PredLogits[image].to(ScalarType.Float32).sigmoid() * output.PresenceLogits[image].to(ScalarType.Float32).sigmoid(); // [Q] x [1]
        var kept = (scores > threshold).nonzero().squeeze(-1); // [n]
        var scale = tensor(new float[] { size.Width, size.Height, size.Width, size.Height }, device: scores.device);
        var boxes = output.PredBoxes[image].index_select(0, kept).to(ScalarType.Float32) * scale;
        var masks = kept.numel() == 0
            ? zeros(0, size.Height, size.Width, ScalarType.Bool, scores.device)
            : Probabilities(output.PredMasks[image].index_select(0, kept), size) > maskThreshold;
        return new Sam3Instances(
            scores.index_select(0, kept).MoveToOuterDisposeScope(), boxes.MoveToOuterDisposeScope(), masks.MoveToOuterDisposeScope());
    }

    // Probabilities are resized, not logits: [n, h, w] -> [n, H, W].
    static Tensor Probabilities(Tensor logits, ImageSize size)
    {
        using var scope = NewDisposeScope();
        return BilinearWeights.Apply(
            logits.to(ScalarType.Float32).sigmoid(),
            BilinearWeights.Resize((int)logits.shape[^2], size.Height),
            BilinearWeights.Resize((int)logits.shape[^1], size.Width)).MoveToOuterDisposeScope();
    }

    static void Check(Tensor output, IReadOnlyList<ImageSize> sizes)
    {
        if (output.shape[0] != sizes.Count) throw new ArgumentException($"{sizes.Count} sizes are given for {output.shape[0]} images", nameof(sizes));
    }
}
