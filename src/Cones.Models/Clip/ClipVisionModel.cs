using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>What an image tower returns.</summary>
/// <param name="LastHiddenState">The output of the last layer, not normalised, [B, 1 + patches, D].</param>
/// <param name="PooledOutput">Its normalised class slot, [B, D].</param>
/// <param name="HiddenStates">The input of every layer and the output of the last, each [B, 1 + patches, D].</param>
/// <param name="ImageEmbeds">The projected pooled output, [B, P], where the model has a projection; not normalised.</param>
public sealed record ClipVisionOutput(Tensor LastHiddenState, Tensor PooledOutput, IReadOnlyList<Tensor> HiddenStates, Tensor? ImageEmbeds);

/// <summary>CLIP's image tower without projection, as transformers' <c>CLIPVisionTransformer</c>.</summary>
public sealed class ClipVisionTransformer : Module
{
    readonly Weight _classEmbedding;
    readonly Conv2d _patches;
    readonly Embedding _positions;
    readonly LayerNorm _preNorm;
    readonly ClipEncoder _encoder;
    readonly LayerNorm _postNorm;
    readonly ClipVisionConfig _config;

    /// <summary>A tower without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public ClipVisionTransformer(ClipVisionConfig config)
    {
        config.Validate();
        _config = config;
        _classEmbedding = AddWeight("embeddings.class_embedding", config.HiddenSize);
        _patches = Add("embeddings.patch_embedding", new Conv2d(config.NumChannels, config.HiddenSize, config.PatchSize, stride: config.PatchSize, bias: false));
        _positions = Add("embeddings.position_embedding", new Embedding(config.PatchCount + 1, config.HiddenSize));
        // Spelt so in every checkpoint.
        _preNorm = Add("pre_layrnorm", new LayerNorm(config.HiddenSize, config.LayerNormEps));
        _encoder = Add("encoder", new ClipEncoder(config.NumHiddenLayers, config.HiddenSize, config.IntermediateSize, config.NumAttentionHeads, config.HiddenAct, config.LayerNormEps));
        _postNorm = Add("post_layernorm", new LayerNorm(config.HiddenSize, config.LayerNormEps));
    }

    /// <summary>Encodes normalised pixels [B, 3, H, W].</summary>
    /// <exception cref="ArgumentException">The shape does not fit.</exception>
    public ClipVisionOutput Forward(Tensor pixels)
    {
        if (pixels.dim() != 4 || pixels.shape[1] != _config.NumChannels || pixels.shape[2] != _config.ImageSize || pixels.shape[3] != _config.ImageSize)
            throw new ArgumentException($"pixels have shape [{string.Join(",", pixels.shape)}], [B,{_config.NumChannels},{_config.ImageSize},{_config.ImageSize}] expected", nameof(pixels));
        using var scope = NewDisposeScope();
        var patches = _patches.Forward(pixels).flatten(2).transpose(1, 2); // [B, D, h, w] -> [B, hw, D]
        var classSlot = _classEmbedding.Value.expand(pixels.shape[0], 1, -1); // [D] -> [B, 1, D]
        var x = _preNorm.Forward(cat([classSlot, patches], 1) + _positions.Table);
        var states = _encoder.Forward(x, causal: false, mask: null);
        var pooled = _postNorm.Forward(states[^1].select(1, 0)); // [B, 1 + hw, D] -> [B, D]
        var outer = states.Select(s => s.MoveToOuterDisposeScope()).ToArray();
        return new ClipVisionOutput(outer[^1], pooled.MoveToOuterDisposeScope(), outer, null);
    }
}

/// <summary>
/// CLIP's image tower, as transformers' <c>CLIPVisionModel</c> and, with a projection, <c>CLIPVisionModelWithProjection</c>.
/// </summary>
public sealed class ClipVisionModel : Module
{
    readonly ClipVisionTransformer _tower;
    readonly Linear? _projection;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public ClipVisionModel(ClipVisionConfig config, bool withProjection = false)
    {
        Config = config;
        _tower = Add("vision_model", new ClipVisionTransformer(config));
        if (withProjection) _projection = Add("visual_projection", new Linear(config.HiddenSize, config.ProjectionDim, bias: false));
    }

    /// <summary>The configuration.</summary>
    public ClipVisionConfig Config { get; }

    /// <summary>Loads a folder with <c>config.json</c> and weights; the checkpoint says whether there is a projection.</summary>
    public static ClipVisionModel FromFolder(string folder, LoadOptions? options = null)
    {
        using var checkpoint = Checkpoint.Open(folder);
        var model = new ClipVisionModel(ClipVisionConfig.FromFile(Path.Combine(folder, "config.json")), checkpoint.Tensors.ContainsKey("visual_projection.weight"));
        ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = RenameKey });
        return model;
    }

    /// <summary>Adds the prefix that recent files lack, and drops the position buffer of published ones.</summary>
    public static string? RenameKey(string key) =>
        key.EndsWith("position_ids", StringComparison.Ordinal) ? null
        : key.StartsWith("vision_model.", StringComparison.Ordinal) || key.StartsWith("visual_projection.", StringComparison.Ordinal) ? key
        : "vision_model." + key;

    /// <summary>Encodes normalised pixels [B, 3, H, W].</summary>
    /// <exception cref="ArgumentException">The shape does not fit.</exception>
    public ClipVisionOutput Forward(Tensor pixels)
    {
        var output = _tower.Forward(pixels);
        return _projection is null ? output : output with { ImageEmbeds = _projection.Forward(output.PooledOutput) };
    }
}
