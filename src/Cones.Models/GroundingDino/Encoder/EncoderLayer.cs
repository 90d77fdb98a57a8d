using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>What every encoder layer knows of the image besides its features.</summary>
/// <param name="Positions">[B, N, D], added to the queries of deformable attention.</param>
/// <param name="Padding">[B, N], bool: true outside the image; null for none.</param>
/// <param name="References">[B, N, levels, 2]: where the queries lie.</param>
/// <param name="Levels">The sizes of the maps.</param>
sealed record VisionContext(Tensor Positions, Tensor? Padding, Tensor References, IReadOnlyList<FeatureLevel> Levels);

/// <summary>What every encoder layer knows of the text besides its features.</summary>
/// <param name="Positions">[B, T, D], added to queries and keys.</param>
/// <param name="Padding">[B, T], bool: true for padding; null for none.</param>
/// <param name="SelfAttentionBias">[B, 1, T, T], from <see cref="AttentionBias"/>.</param>
sealed record TextContext(Tensor Positions, Tensor? Padding, Tensor SelfAttentionBias);

/// <summary>Fusion, then the text enhancer, then deformable self-attention (<c>GroundingDinoEncoderLayer</c>).</summary>
sealed class EncoderLayer : Module
{
    public EncoderLayer(GroundingDinoConfig c)
    {
        Fusion = Add("fusion_layer", new FusionLayer(c));
        TextEnhancer = Add("text_enhancer_layer", new TextEnhancerLayer(c));
        Deformable = Add("deformable_layer", new DeformableLayer(c));
    }

    public FusionLayer Fusion { get; }

    public TextEnhancerLayer TextEnhancer { get; }

    public DeformableLayer Deformable { get; }

    /// <summary>Maps [B, N, D] and [B, T, D] to the same.</summary>
    public (Tensor Vision, Tensor Text) Forward(Tensor vision, Tensor text, VisionContext visionContext, TextContext textContext)
    {
        using var scope = NewDisposeScope();
        (vision, text) = Fusion.Forward(vision, text, visionContext.Padding, textContext.Padding);
        text = TextEnhancer.Forward(text, textContext.Positions, textContext.SelfAttentionBias);
        vision = Deformable.Forward(vision, visionContext);
        return (vision.MoveToOuterDisposeScope(), text.MoveToOuterDisposeScope());
    }
}
