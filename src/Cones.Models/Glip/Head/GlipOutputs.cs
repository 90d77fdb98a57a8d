using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>What the head says of B images and T tokens, a tensor for each of the levels P3 to P7.</summary>
/// <param name="Logits">
/// [B, H W, T]: the logit that a pixel (row by row) is of a token. Values at padded tokens mean nothing.
/// </param>
/// <param name="Boxes">[B, 4, H, W]: the box relative to the pixel's anchor, as <see cref="Detection.GlipBoxCoder"/> decodes it.</param>
/// <param name="Centerness">[B, 1, H, W]: the logit of how central the pixel lies in its box.</param>
public sealed record GlipOutputs(IReadOnlyList<Tensor> Logits, IReadOnlyList<Tensor> Boxes, IReadOnlyList<Tensor> Centerness) : IDisposable
{
    /// <summary>B.</summary>
    public long Batch => Logits[0].shape[0];

    /// <summary>T.</summary>
    public long Tokens => Logits[0].shape[2];

    /// <summary>The size of each level.</summary>
    public IReadOnlyList<ImageSize> LevelSizes => [.. Boxes.Select(b => new ImageSize((int)b.shape[2], (int)b.shape[3]))];

    /// <summary>Every tensor: logits, boxes, centerness, each from P3 to P7.</summary>
    public IEnumerable<Tensor> All => [.. Logits, .. Boxes, .. Centerness];

    internal GlipOutputs MoveToOuterDisposeScope()
    {
        foreach (var tensor in All) tensor.MoveToOuterDisposeScope();
        return this;
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in All) tensor.Dispose();
    }
}
