using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3;

/// <summary>What the image encoder makes of B images: the part that no prompt changes.</summary>
/// <param name="Levels">Maps from fine to coarse, [B, C, h, w]; at facebook/sam3's size 288, 144 and 72 pixels wide.</param>
public sealed record Sam3ImageFeatures(IReadOnlyList<Tensor> Levels) : IDisposable
{
    /// <summary>Frees the maps.</summary>
    public void Dispose()
    {
        foreach (var level in Levels) level.Dispose();
    }
}

/// <summary>What the text encoder makes of B texts.</summary>
/// <param name="Embeds">Prompt embeddings, [B, L, C].</param>
/// <param name="Mask">Non-zero for tokens, 0 for padding, [B, L]; null where there is no padding.</param>
public sealed record Sam3TextEmbeddings(Tensor Embeds, Tensor? Mask);

/// <summary>Boxes that show what is wanted, or what is not.</summary>
/// <param name="Boxes">Centre x, centre y, width and height as parts of the image, 0 to 1, [B, N, 4].</param>
/// <param name="Labels">1 for wanted, 0 for not, -10 for padding behind the others, [B, N]; null if all are wanted.</param>
public sealed record Sam3BoxPrompts(Tensor Boxes, Tensor? Labels = null)
{
    /// <summary>The label of a box that fills the batch up; its coordinates do not matter.</summary>
    public const int Padding = -10;

    /// <summary>Checks shapes, labels and coordinates before native code sees them.</summary>
    /// <exception cref="ArgumentException">Something does not fit; the message holds the numbers.</exception>
    internal void Validate(long batch)
    {
        ShapeCheck.Require(nameof(Boxes), Boxes, batch, ShapeCheck.Any, 4);
        if (Labels is not null) ShapeCheck.Require(nameof(Labels), Labels, Boxes.shape.AsSpan(0, 2));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var labels = Labels?.to(ScalarType.Int64) ?? ones(batch, Boxes.shape[1], ScalarType.Int64, Boxes.device);
        var known = labels.eq(1).logical_or(labels.eq(0)).logical_or(labels.eq(Padding));
        if (!known.all().item<bool>())
            throw new ArgumentException($"a box's label is {labels.masked_select(known.logical_not())[0].item<long>()}: 1 (wanted), 0 (not wanted) and -10 (padding) have a meaning");
        var boxes = Boxes.to(ScalarType.Float32).masked_fill(labels.eq(Padding).unsqueeze(-1), 0);
        var fits = boxes.ge(-1).logical_and(boxes.le(2)); // NaN does not fit either
        if (!fits.all().item<bool>())
            throw new ArgumentException($"a box's coordinate is {boxes.masked_select(fits.logical_not())[0].item<float>()}: divide by the image's width and height, so that all lie between 0 and 1");
    }
}

/// <summary>What the model finds: Q queries for each of B images and prompts.</summary>
/// <remarks>A query's score is sigmoid(logit) · sigmoid(presence).</remarks>
/// <param name="PredMasks">Mask logits, [B, Q, 4 h, 4 w] of the grid of tokens h x w.</param>
/// <param name="PredBoxes">Left, top, right and bottom as parts of the image, [B, Q, 4].</param>
/// <param name="PredLogits">How well a query fits the prompt, [B, Q], -12 to 12.</param>
/// <param name="PresenceLogits">Whether the image shows anything that fits, [B, 1], -10 to 10.</param>
/// <param name="SemanticSeg">Mask logits of everything that fits, [B, 1, 4 h, 4 w].</param>
/// <param name="Layers">What each decoder layer says, for losses on all of them.</param>
public sealed record Sam3Output(Tensor PredMasks, Tensor PredBoxes, Tensor PredLogits, Tensor PresenceLogits, Tensor SemanticSeg, Sam3LayerOutputs Layers)
{
    /// <summary>Every tensor.</summary>
    internal Tensor[] Tensors =>
    [
        PredMasks, PredBoxes, PredLogits, PresenceLogits, SemanticSeg,
        Layers.Boxes, Layers.Logits, Layers.Presence, Layers.Queries, Layers.References, Layers.Encoded,
    ];
}

/// <summary>What each of L decoder layers says; the last one's boxes, logits and presence are the result.</summary>
/// <param name="Boxes">Left, top, right and bottom, [L, B, Q, 4].</param>
/// <param name="Logits">[L, B, Q].</param>
/// <param name="Presence">[L, B, 1].</param>
/// <param name="Queries">The queries, normed, [L, B, Q, C].</param>
/// <param name="References">The boxes that each layer started from (centre, width, height), [L, B, Q, 4].</param>
/// <param name="Encoded">The image after fusion with the prompt, [B, h w, C].</param>
public sealed record Sam3LayerOutputs(Tensor Boxes, Tensor Logits, Tensor Presence, Tensor Queries, Tensor References, Tensor Encoded);
