using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>The joint model of texts and images (<c>CLIPModel</c> of transformers; Radford et al. 2021).</summary>
public sealed class ClipModel : Module
{
    readonly Weight _logitScale;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public ClipModel(ClipConfig config)
    {
        config.Validate();
        Config = config;
        // Its own keys are the union of those of both towers: the towers below share these layers.
        Text = new ClipTextModel(
            config.Text with { ProjectionDim = config.ProjectionDim },
            Add("text_model", new ClipTextTransformer(config.Text)),
            Add("text_projection", new Linear(config.Text.HiddenSize, config.ProjectionDim, bias: false)));
        Vision = new ClipVisionModel(
            config.Vision with { ProjectionDim = config.ProjectionDim },
            Add("vision_model", new ClipVisionTransformer(config.Vision)),
            Add("visual_projection", new Linear(config.Vision.HiddenSize, config.ProjectionDim, bias: false)));
        _logitScale = AddWeight("logit_scale");
    }

    /// <summary>The shape.</summary>
    public ClipConfig Config { get; }

    /// <summary>The text tower, with its projection; it shares this model's weights.</summary>
    public ClipTextModel Text { get; }

    /// <summary>The vision tower, with its projection; it shares this model's weights.</summary>
    public ClipVisionModel Vision { get; }

    /// <summary>A scalar, the natural logarithm of the factor on cosines; owned by the model.</summary>
    public Tensor LogitScale => _logitScale.Value;

    /// <summary>Loads a folder with <c>config.json</c> and weights.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static ClipModel FromFolder(string folder, LoadOptions? options = null, string? variant = null) =>
        ClipFolder.LoadJoint(folder, options, variant);

    /// <summary>Compares images with texts.</summary>
    /// <param name="ids">[N, T], int64.</param>
    /// <param name="pixelValues">[M, C, H, W], normalised.</param>
    /// <param name="attentionMask">[N, T], zero for padding; null for none.</param>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside the vocabulary.</exception>
    public ClipOutput Forward(Tensor ids, Tensor pixelValues, Tensor? attentionMask = null)
    {
        using var scope = NewDisposeScope();
        var output = Compare(Vision.Forward(pixelValues).ImageEmbeds!, Text.Forward(ids, attentionMask).TextEmbeds!);
        scope.MoveToOuter(output.LogitsPerImage, output.LogitsPerText, output.ImageEmbeds, output.TextEmbeds);
        return output;
    }

    /// <summary>Compares projected images with projected texts.</summary>
    /// <param name="imageEmbeds">[M, P], as <see cref="Vision"/> gives them.</param>
    /// <param name="textEmbeds">[N, P], as <see cref="Text"/> gives them.</param>
    /// <exception cref="ArgumentException">A width is not P.</exception>
    public ClipOutput Compare(Tensor imageEmbeds, Tensor textEmbeds)
    {
        ClipChecks.Shape(nameof(imageEmbeds), imageEmbeds, [imageEmbeds.shape[0], Config.ProjectionDim]);
        ClipChecks.Shape(nameof(textEmbeds), textEmbeds, [textEmbeds.shape[0], Config.ProjectionDim]);
        var images = ClipSimilarity.Normalize(imageEmbeds);
        var texts = ClipSimilarity.Normalize(textEmbeds);
        var logitsPerText = ClipSimilarity.Logits(texts, images, LogitScale);
        return new ClipOutput(logitsPerText.t(), logitsPerText, images, texts);
    }
}

/// <summary>What the joint model says of M images and N texts.</summary>
/// <param name="LogitsPerImage">[M, N], scaled cosines.</param>
/// <param name="LogitsPerText">[N, M], their transpose.</param>
/// <param name="ImageEmbeds">[M, P], L2-normalised.</param>
/// <param name="TextEmbeds">[N, P], L2-normalised.</param>
public sealed record ClipOutput(Tensor LogitsPerImage, Tensor LogitsPerText, Tensor ImageEmbeds, Tensor TextEmbeds);
