using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>The feature enhancer: image and text, layer by layer (<c>GroundingDinoEncoder</c>).</summary>
sealed class GroundingDinoEncoder : Module
{
    readonly ModuleList<EncoderLayer> _layers;
    readonly long _dim;

    public GroundingDinoEncoder(GroundingDinoConfig c)
    {
        _dim = c.DModel;
        _layers = Add("layers", new ModuleList<EncoderLayer>(Enumerable.Range(0, c.EncoderLayers).Select(_ => new EncoderLayer(c))));
    }

    /// <summary>The layers, for those who want to see them one by one.</summary>
    public IReadOnlyList<EncoderLayer> Layers => _layers;

    /// <summary>Enhances.</summary>
    /// <param name="image">The image's features.</param>
    /// <param name="text">[B, T, D].</param>
    /// <param name="masks">The text's masks.</param>
    /// <param name="textPadding">[B, T], bool: true for padding; null for none.</param>
    /// <returns>[B, N, D] and [B, T, D].</returns>
    public (Tensor Vision, Tensor Text) Forward(ImageFeatures image, Tensor text, TextMasks masks, Tensor? textPadding)
    {
        using var scope = NewDisposeScope();
        var visionContext = ContextOf(image);
        var textContext = ContextOf(masks, textPadding, text.dtype);
        var vision = image.Features;
        foreach (var layer in _layers)
        {
            using var _ = ReferenceEquals(vision, image.Features) ? null : vision;
            (vision, text) = layer.Forward(vision, text, visionContext, textContext);
        }

        return (vision.MoveToOuterDisposeScope(), text.MoveToOuterDisposeScope());
    }

    /// <summary>What the layers need of an image besides its features; in the dispose scope that is open.</summary>
    public static VisionContext ContextOf(ImageFeatures image) =>
        new(image.PositionEmbedding, image.Padding, FeatureGrid.ReferencePoints(image.Levels, image.ValidRatios), image.Levels);

    /// <summary>What the layers need of a text besides its features; in the dispose scope that is open.</summary>
    public TextContext ContextOf(TextMasks masks, Tensor? textPadding, ScalarType type) =>
        new(SinePositions.OfText(masks.PositionIds, _dim).to(type), textPadding, AttentionBias.From(masks.SelfAttention.unsqueeze(1), type));
}
