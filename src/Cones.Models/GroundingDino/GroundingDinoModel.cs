using Cones.Models.GroundingDino.Decoder;
using Cones.Models.GroundingDino.Encoder;
using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino;

/// <summary>
/// Grounding DINO (arXiv 2303.05499) and MM Grounding DINO (arXiv 2401.02361): detection of what a text names.
/// </summary>
/// <remarks>
/// <c>GroundingDinoForObjectDetection</c> and <c>MMGroundingDinoForObjectDetection</c> of transformers, in evaluation mode. The
/// text side, the image side and the detector can be called one by one: text features may come from anywhere, and image
/// features serve every text.
/// </remarks>
public sealed class GroundingDinoModel : Module
{
    readonly GroundingDinoText _text;
    readonly QuerySelection _selection;
    readonly BoxHeads _boxHeads;
    readonly ContrastiveHead _classHeads;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public GroundingDinoModel(GroundingDinoConfig config)
    {
        config.Validate();
        Config = config;
        _text = Add("model", new GroundingDinoText(config));
        Vision = Add("model", new GroundingDinoVision(config));
        Encoder = Add("model.encoder", new GroundingDinoEncoder(config));
        _selection = Add("model", new QuerySelection(config));
        Decoder = Add("model.decoder", new GroundingDinoDecoder(config));
        _boxHeads = Add("bbox_embed", new BoxHeads(config));
        _classHeads = Add("class_embed", ContrastiveHead.OfLayers(config));
    }

    /// <summary>The shape.</summary>
    public GroundingDinoConfig Config { get; }

    /// <summary>The word embedding of every token, [vocabulary, H]; owned by the model.</summary>
    public Tensor WordTable => _text.Encoder.WordTable;

    internal GroundingDinoVision Vision { get; }

    internal GroundingDinoEncoder Encoder { get; }

    internal GroundingDinoDecoder Decoder { get; }

    // Learned features stay float32 whatever the frozen weights are: the cast comes at the entry, and gradients pass it.
    ScalarType Type => _text.Type;

    /// <summary>Loads a folder with <c>config.json</c> and weights.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static GroundingDinoModel FromFolder(string folder, LoadOptions? options = null, string? variant = null)
    {
        var config = GroundingDinoConfig.FromFile(Path.Combine(folder, "config.json"));
        using var checkpoint = Checkpoint.Open(folder, variant);
        var model = new GroundingDinoModel(GroundingDinoKeys.SettleHeads(config, checkpoint));
        try
        {
            ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = GroundingDinoKeys.Rename(model.Config) });
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The word embeddings of tokens, as <see cref="EncodeTextFromEmbeddings"/> takes them.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <returns>[B, T, H].</returns>
    /// <exception cref="ArgumentException">The shape is wrong, or an id is outside the vocabulary.</exception>
    public Tensor EmbedTokens(Tensor ids) => _text.Encoder.Embed(ids);

    /// <summary>Encodes texts. More tokens than <see cref="GroundingDinoConfig.MaxTextLen"/> are cut off.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <param name="attentionMask">[B, T], zero for padding; null for none.</param>
    /// <param name="tokenTypeIds">[B, T], int64; null: all 0.</param>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside its table.</exception>
    public TextFeatures EncodeText(Tensor ids, Tensor? attentionMask = null, Tensor? tokenTypeIds = null)
    {
        if (tokenTypeIds is not null) ShapeCheck.Require(nameof(tokenTypeIds), tokenTypeIds, ids.shape);
        using var scope = NewDisposeScope();
        // The masks of the whole text, cut: a phrase that is cut off keeps its positions.
        var length = Math.Min(ids.dim() == 2 ? ids.shape[1] : 0, Config.MaxTextLen);
        var masks = TextMasks.FromIds(ids, attentionMask).Crop(length);
        var words = EmbedTokens(ids.narrow(1, 0, length));
        return _text.Encode(words, masks, tokenTypeIds?.narrow(1, 0, length)).MoveToOuterDisposeScope();
    }

    /// <summary>Encodes texts whose word embeddings are given, and may be learned: gradients reach them.</summary>
    /// <param name="words">[B, T, H], before positions and token types are added, as <see cref="EmbedTokens"/> gives them.</param>
    /// <param name="masks">The texts' masks; they go to the result.</param>
    /// <param name="tokenTypeIds">[B, T], int64; null: all 0.</param>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public TextFeatures EncodeTextFromEmbeddings(Tensor words, TextMasks masks, Tensor? tokenTypeIds = null)
    {
        RequireText(nameof(words), words, masks, Config.Text.HiddenSize);
        return _text.Encode(words, masks, tokenTypeIds);
    }

    /// <summary>Brings the text encoder's hidden states, or what was made of them, into the detector's width.</summary>
    /// <param name="hidden">[B, T, H].</param>
    /// <returns>[B, T, D].</returns>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public Tensor ProjectText(Tensor hidden)
    {
        ShapeCheck.Require(nameof(hidden), hidden, ShapeCheck.Any, ShapeCheck.Any, Config.Text.HiddenSize);
        return _text.Project(hidden);
    }

    /// <summary>Encodes images: all that does not depend on the text.</summary>
    /// <param name="pixels">[B, 3, H, W], normalised, zero outside the image.</param>
    /// <param name="pixelMask">[B, H, W], non-zero inside the image; null where all of it is.</param>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public ImageFeatures EncodeImage(Tensor pixels, Tensor? pixelMask = null)
    {
        if (pixelMask is not null) ShapeCheck.Require(nameof(pixelMask), pixelMask, pixels.shape[0], pixels.shape[2], pixels.shape[3]);
        using var scope = NewDisposeScope();
        return JoinMaps(EncodeMaps(pixels), pixelMask).MoveToOuterDisposeScope();
    }

    /// <summary>The first part of <see cref="EncodeImage"/>: what is worth keeping, since the rest follows from sizes and mask.</summary>
    /// <param name="pixels">[B, 3, H, W], normalised, zero outside the image.</param>
    /// <returns>[B, D, h, w] of each level, from the finest.</returns>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public IReadOnlyList<Tensor> EncodeMaps(Tensor pixels)
    {
        ShapeCheck.Require(nameof(pixels), pixels, ShapeCheck.Any, Config.Backbone.NumChannels, ShapeCheck.Any, ShapeCheck.Any);
        return Vision.Maps(pixels.to(Type));
    }

    /// <summary>The second part of <see cref="EncodeImage"/>.</summary>
    /// <param name="maps">[B, D, h, w] of each level.</param>
    /// <param name="pixelMask">[B, H, W], non-zero inside the image; null where all of it is.</param>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public ImageFeatures JoinMaps(IReadOnlyList<Tensor> maps, Tensor? pixelMask = null)
    {
        if (maps.Count != Config.NumFeatureLevels) throw new ArgumentException($"{maps.Count} levels given, the model has {Config.NumFeatureLevels}", nameof(maps));
        for (var l = 0; l < maps.Count; l++) ShapeCheck.Require($"level {l}", maps[l], maps[0].shape[0], Config.DModel, ShapeCheck.Any, ShapeCheck.Any);
        if (pixelMask is not null) ShapeCheck.Require(nameof(pixelMask), pixelMask, maps[0].shape[0], ShapeCheck.Any, ShapeCheck.Any);
        return Vision.Join(maps, pixelMask);
    }

    /// <summary>Detects.</summary>
    /// <param name="image">The images' features.</param>
    /// <param name="text">[B, T, D]: projected text features, or a concept in their place. Gradients reach them.</param>
    /// <param name="masks">The texts' masks, of as many texts as images.</param>
    /// <param name="details">Whether <see cref="GroundingDinoOutput.Details"/> and the proposals of all positions are kept.</param>
    /// <exception cref="ArgumentException">A shape is wrong, a text has no token, or an image has fewer positions than there are queries.</exception>
    public GroundingDinoOutput Forward(ImageFeatures image, Tensor text, TextMasks masks, bool details = false)
    {
        RequireText(nameof(text), text, masks, Config.DModel);
        RequireImage(image, text.shape[0]);
        if (text.shape[1] > Config.MaxTextLen) throw new ArgumentException($"{text.shape[1]} tokens given, but the model takes {Config.MaxTextLen}", nameof(text));
        using var scope = NewDisposeScope();
        var textPadding = PaddingOf(masks);
        image = image with { Features = image.Features.to(Type), PositionEmbedding = image.PositionEmbedding.to(Type) };
        var (vision, encodedText) = Encoder.Forward(image, text.to(Type), masks, textPadding);
        var (content, boxes, proposals) = _selection.Forward(vision, image, encodedText, textPadding, details);
        var textBias = textPadding is null ? null : AttentionBias.From(masks.Tokens.unsqueeze(1).unsqueeze(1), Type); // [B, 1, 1, T]
        var memory = new DecoderMemory(vision, image.Padding, image.Levels, encodedText, textBias);
        var (states, references) = Decoder.Forward(content, boxes, image.ValidRatios, memory, _boxHeads);

        var logits = _classHeads.Forward(states, encodedText, textPadding); // [L, B, Q, T]
        var before = GroundingDinoDecoder.Logit(references.narrow(0, 0, states.shape[0])); // [L, B, Q, 4]
        return new GroundingDinoOutput(
            logits, (_boxHeads.Forward(states) + before).sigmoid(), proposals,
            details ? new GroundingDinoDetails(vision, encodedText, states, references) : null).MoveToOuterDisposeScope();
    }

    // [B, T], true for padding; null where there is none.
    static Tensor? PaddingOf(TextMasks masks)
    {
        if (!masks.Tokens.any(1).all().item<bool>()) throw new ArgumentException("a text has no token", nameof(masks));
        var padding = masks.Tokens.logical_not();
        return padding.any().item<bool>() ? padding : null;
    }

    static void RequireText(string name, Tensor text, TextMasks masks, long width)
    {
        ArgumentNullException.ThrowIfNull(masks);
        ShapeCheck.Require(name, text, ShapeCheck.Any, ShapeCheck.Any, width);
        var (batch, tokens) = (text.shape[0], text.shape[1]);
        ShapeCheck.Require("the token mask", masks.Tokens, batch, tokens);
        ShapeCheck.Require("the self-attention mask", masks.SelfAttention, batch, tokens, tokens);
        ShapeCheck.Require("the position ids", masks.PositionIds, batch, tokens);
    }

    void RequireImage(ImageFeatures image, long batch)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Levels.Count != Config.NumFeatureLevels) throw new ArgumentException($"the image has {image.Levels.Count} levels, the model {Config.NumFeatureLevels}", nameof(image));
        var positions = image.Levels.Sum(l => l.Count);
        ShapeCheck.Require("the image features", image.Features, batch, positions, Config.DModel);
        ShapeCheck.Require("the position embedding", image.PositionEmbedding, batch, positions, Config.DModel);
        ShapeCheck.Require("the valid ratios", image.ValidRatios, batch, Config.NumFeatureLevels, 2);
        if (image.Padding is not null) ShapeCheck.Require("the image padding", image.Padding, batch, positions);
    }
}
