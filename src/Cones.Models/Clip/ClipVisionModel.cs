using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>CLIP's vision tower, a vision transformer, with or without the projection into the joint space.</summary>
/// <remarks><c>CLIPVisionModel</c> and <c>CLIPVisionModelWithProjection</c> of transformers.</remarks>
public sealed class ClipVisionModel : Module
{
    readonly ClipVisionTransformer _transformer;
    readonly Linear? _projection;

    /// <summary>A model without weights.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="withProjection">Whether the pooled image is projected to <see cref="ClipVisionConfig.ProjectionDim"/>.</param>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public ClipVisionModel(ClipVisionConfig config, bool withProjection = false)
        : this(
            Validated(config),
            new ClipVisionTransformer(config),
            withProjection ? new Linear(config.HiddenSize, config.ProjectionDim, bias: false) : null)
    {
    }

    /// <summary>The vision side of a joint model, on that model's own layers.</summary>
    internal ClipVisionModel(ClipVisionConfig config, ClipVisionTransformer transformer, Linear? projection)
    {
        Config = config;
        _transformer = Add("vision_model", transformer);
        _projection = projection is null ? null : Add("visual_projection", projection);
    }

    /// <summary>The shape.</summary>
    public ClipVisionConfig Config { get; }

    /// <summary>Whether outputs hold <see cref="ClipVisionOutput.ImageEmbeds"/>.</summary>
    public bool HasProjection => _projection is not null;

    /// <summary>
    /// Loads an image encoder's folder (<c>config.json</c> and weights), or the vision side of a joint model's folder. The
    /// projection is there if the configuration or the weights name it.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static ClipVisionModel FromFolder(string folder, LoadOptions? options = null, string? variant = null) =>
        ClipFolder.LoadVision(folder, options, variant);

    /// <summary>Encodes images.</summary>
    /// <param name="pixelValues">[B, C, H, W], normalised with CLIP's mean and deviation; H and W are the model's image size.</param>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public ClipVisionOutput Forward(Tensor pixelValues)
    {
        if (pixelValues.dim() != 4 || pixelValues.shape[0] < 1)
            throw new ArgumentException($"pixelValues must be [images, channels, height, width], not {ClipChecks.Text(pixelValues.shape)}", nameof(pixelValues));
        ClipChecks.Shape(nameof(pixelValues), pixelValues, [pixelValues.shape[0], Config.NumChannels, Config.ImageSize, Config.ImageSize]);

        using var scope = NewDisposeScope();
        var (states, pooled) = _transformer.Forward(pixelValues);
        var projected = _projection?.Forward(pooled); // [B, P]

        foreach (var state in states) state.MoveToOuterDisposeScope();
        return new ClipVisionOutput(states[^1], pooled.MoveToOuterDisposeScope(), states, projected?.MoveToOuterDisposeScope());
    }

    static ClipVisionConfig Validated(ClipVisionConfig config)
    {
        config.Validate();
        return config;
    }
}
