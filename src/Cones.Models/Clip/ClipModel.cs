using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>What the joint model returns for images and texts.</summary>
/// <param name="LogitsPerImage">[images, texts].</param>
/// <param name="ImageEmbeds">[images, P], of length 1.</param>
/// <param name="TextEmbeds">[texts, P], of length 1.</param>
public sealed record ClipOutput(Tensor LogitsPerImage, Tensor ImageEmbeds, Tensor TextEmbeds);

/// <summary>Both towers and a temperature, as transformers' <c>CLIPModel</c>.</summary>
public sealed class ClipModel : Module
{
    readonly ClipTextTransformer _text;
    readonly ClipVisionTransformer _vision;
    readonly Linear _textProjection;
    readonly Linear _visualProjection;
    readonly Weight _logitScale;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public ClipModel(ClipConfig config)
    {
        Config = config;
        _text = Add("text_model", new ClipTextTransformer(config.Text));
        _vision = Add("vision_model", new ClipVisionTransformer(config.Vision));
        _visualProjection = Add("visual_projection", new Linear(config.Vision.HiddenSize, config.Vision.ProjectionDim, bias: false));
        _textProjection = Add("text_projection", new Linear(config.Text.HiddenSize, config.Text.ProjectionDim, bias: false));
        _logitScale = AddWeight("logit_scale");
    }

    /// <summary>The configuration.</summary>
    public ClipConfig Config { get; }

    /// <summary>The natural logarithm of the temperature's inverse, a scalar.</summary>
    public Tensor LogitScale => _logitScale.Value;

    /// <summary>Loads a folder with <c>config.json</c> and weights.</summary>
    public static ClipModel FromFolder(string folder, LoadOptions? options = null)
    {
        var model = new ClipModel(ClipConfig.FromFile(Path.Combine(folder, "config.json")));
        using var checkpoint = Checkpoint.Open(folder);
        ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = RenameKey });
        return model;
    }

    /// <summary>Drops the position buffers of published files.</summary>
    public static string? RenameKey(string key) => key.EndsWith("position_ids", StringComparison.Ordinal) ? null : key;

    /// <summary>Looks ids [B, T] up: [B, T, D], before positions are added.</summary>
    public Tensor EmbedTokens(Tensor ids) => _text.Embed(ids);

    /// <summary>The projected text features, [B, P], not normalised.</summary>
    /// <param name="ids">[B, T] int64.</param>
    /// <param name="attentionMask">[B, T], 1 for real tokens, or null.</param>
    public Tensor TextFeatures(Tensor ids, Tensor? attentionMask = null)
    {
        using var scope = NewDisposeScope();
        return TextFeaturesFromEmbeddings(_text.Embed(ids), ids, attentionMask).MoveToOuterDisposeScope();
    }

    /// <summary>The projected text features of token embeddings [B, T, D], [B, P], not normalised.</summary>
    public Tensor TextFeaturesFromEmbeddings(Tensor embeddings, Tensor ids, Tensor? attentionMask = null)
    {
        using var scope = NewDisposeScope();
        return _textProjection.Forward(_text.ForwardFromEmbeddings(embeddings, ids, attentionMask).PooledOutput).MoveToOuterDisposeScope();
    }

    /// <summary>The projected image features of normalised pixels [B, 3, H, W]: [B, P], not normalised.</summary>
    public Tensor ImageFeatures(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return _visualProjection.Forward(_vision.Forward(pixels).PooledOutput).MoveToOuterDisposeScope();
    }

    /// <summary>Compares features of images [I, P] and texts [T, P].</summary>
    public ClipOutput Compare(Tensor imageFeatures, Tensor textFeatures)
    {
        using var scope = NewDisposeScope();
        var images = imageFeatures / imageFeatures.norm(-1, keepdim: true);
        var texts = textFeatures / textFeatures.norm(-1, keepdim: true);
        var logits = _logitScale.Value.exp() * images.matmul(texts.transpose(0, 1)); // [I, T]
        return new ClipOutput(logits.MoveToOuterDisposeScope(), images.MoveToOuterDisposeScope(), texts.MoveToOuterDisposeScope());
    }

    /// <summary>The symmetric contrastive loss of n images and their n texts, given logits [n, n].</summary>
    public static Tensor ContrastiveLoss(Tensor logitsPerImage)
    {
        using var scope = NewDisposeScope();
        var labels = arange(logitsPerImage.shape[0], dtype: ScalarType.Int64, device: logitsPerImage.device);
        var loss = nn.functional.cross_entropy(logitsPerImage, labels) + nn.functional.cross_entropy(logitsPerImage.transpose(0, 1), labels);
        return (loss / 2).MoveToOuterDisposeScope();
    }
}
