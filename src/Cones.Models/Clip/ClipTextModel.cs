using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>
/// CLIP's text tower, as transformers' <c>CLIPTextModel</c> and, with a projection, <c>CLIPTextModelWithProjection</c>.
/// </summary>
public sealed class ClipTextModel : Module
{
    readonly ClipTextTransformer _tower;
    readonly Linear? _projection;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public ClipTextModel(ClipTextConfig config, bool withProjection = false)
    {
        Config = config;
        _tower = Add("text_model", new ClipTextTransformer(config));
        if (withProjection) _projection = Add("text_projection", new Linear(config.HiddenSize, config.ProjectionDim, bias: false));
    }

    /// <summary>The configuration.</summary>
    public ClipTextConfig Config { get; }

    /// <summary>The token embeddings, [vocabulary, D].</summary>
    public Tensor TokenTable => _tower.TokenTable;

    /// <summary>Loads a folder with <c>config.json</c> and weights; the checkpoint says whether there is a projection.</summary>
    public static ClipTextModel FromFolder(string folder, LoadOptions? options = null)
    {
        using var checkpoint = Checkpoint.Open(folder);
        var model = new ClipTextModel(ClipTextConfig.FromFile(Path.Combine(folder, "config.json")), checkpoint.Tensors.ContainsKey("text_projection.weight"));
        ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = RenameKey });
        return model;
    }

    /// <summary>Adds the prefix that recent files lack, and drops the position buffer of published ones.</summary>
    public static string? RenameKey(string key) =>
        key.EndsWith("position_ids", StringComparison.Ordinal) ? null
        : key.StartsWith("embeddings.", StringComparison.Ordinal) || key.StartsWith("encoder.", StringComparison.Ordinal) || key.StartsWith("final_layer_norm.", StringComparison.Ordinal)
            ? "text_model." + key
            : key;

    /// <summary>Looks ids [B, T] up: [B, T, D], before positions are added.</summary>
    /// <exception cref="ArgumentException">The shape does not fit or an id is outside the vocabulary.</exception>
    public Tensor Embed(Tensor ids) => _tower.Embed(ids);

    /// <summary>Encodes token ids.</summary>
    /// <param name="ids">[B, T] int64.</param>
    /// <param name="attentionMask">[B, T], 1 for real tokens; Stable Diffusion passes none.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public ClipTextOutput Forward(Tensor ids, Tensor? attentionMask = null)
    {
        using var embeddings = Embed(ids);
        return ForwardFromEmbeddings(embeddings, ids, attentionMask);
    }

    /// <summary>The normalisation that follows the last layer, on any hidden state [B, T, D]: clip skip applies it earlier.</summary>
    public Tensor FinalLayerNorm(Tensor hidden) => _tower.FinalLayerNorm(hidden);

    /// <summary>Encodes token embeddings, so that a gradient can flow into them (textual inversion).</summary>
    /// <param name="embeddings">[B, T, D], before positions are added.</param>
    /// <param name="ids">[B, T] int64: says which slot is pooled.</param>
    /// <param name="attentionMask">[B, T], 1 for real tokens.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public ClipTextOutput ForwardFromEmbeddings(Tensor embeddings, Tensor ids, Tensor? attentionMask = null)
    {
        var output = _tower.ForwardFromEmbeddings(embeddings, ids, attentionMask);
        return _projection is null ? output : output with { TextEmbeds = _projection.Forward(output.PooledOutput) };
    }
}
