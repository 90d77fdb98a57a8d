using Cones.Models.Bert;
using Cones.Models.Glip.Backbone;
using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Head;
using Cones.Models.Glip.Text;
using Cones.Models.Imaging;
using Cones.Models.Layers;
using Cones.Models.Layers.Kernels;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip;

/// <summary>
/// GLIP (arXiv 2112.03857), a detector of whatever a caption names: GLIP-T, GLIP-L, and GLIP-T(A), in which image and text meet in
/// the last layer only. Dropout and the like are off, as in GLIP's prompt tuning.
/// </summary>
public sealed class GlipModel : Module
{
    /// <summary>The rows of <see cref="PromptOffset"/>.</summary>
    internal const int PromptOffsetRows = 1000;

    readonly Weight? _promptOffset;

    /// <summary>A model without weights.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="tokenizer">What <see cref="EncodeText(IReadOnlyList{GlipCaption}, bool)"/> needs; null for none.</param>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public GlipModel(GlipConfig config, BertTokenizer? tokenizer = null)
    {
        config.Validate();
        Config = config;
        Tokenizer = tokenizer;
        Backbone = Add("backbone", new GlipBackbone(config));
        TextEncoder = Add("language_backbone.body.model", new BertModel(config.Bert));
        Head = Add("rpn.head", new VLDyHead(config));
        _promptOffset = config.Head.HasPromptOffset ? AddWeight(GlipKeys.PromptOffset, PromptOffsetRows, config.Bert.HiddenSize) : null;
    }

    /// <summary>The configuration.</summary>
    public GlipConfig Config { get; }

    /// <summary>The tokenizer that was found beside the weights, or null.</summary>
    public BertTokenizer? Tokenizer { get; }

    /// <summary>The text encoder; owned by the model.</summary>
    public BertModel TextEncoder { get; }

    /// <summary>
    /// The learned offset to the text encoder's output, [1000, L]: row t is added to token t, padded ones too (GLIP's prompt tuning
    /// v2). Null in a model without one.
    /// </summary>
    public Tensor? PromptOffset => _promptOffset?.Value;

    /// <summary>The image backbone with its pyramid.</summary>
    public GlipBackbone Backbone { get; }

    /// <summary>The detection head.</summary>
    public VLDyHead Head { get; }

    /// <summary>
    /// Loads a folder: weights (GLIP's <c>.pth</c>, or safetensors), the configuration (GLIP's YAML file or <c>glip_config.json</c>; without
    /// one it is found from the weights' shapes) and BERT's vocabulary (<c>vocab.txt</c> or <c>tokenizer.json</c>).
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static GlipModel FromFolder(string folder, LoadOptions? options = null) => GlipFolder.Load(CheckpointFolder.FindWeights(folder), null, options);

    /// <summary>Loads a file of weights; configuration and vocabulary are looked for beside it.</summary>
    /// <param name="path">GLIP's <c>.pth</c>, or safetensors.</param>
    /// <param name="config">The configuration; null for the one beside the file.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <exception cref="ConesException">The file does not hold such a model.</exception>
    public static GlipModel FromFile(string path, GlipConfig? config = null, LoadOptions? options = null) => GlipFolder.Load(path, config, options);

    /// <summary>Writes a folder that <see cref="FromFolder"/> loads, with the configuration and the vocabulary of the one that the model came from.</summary>
    /// <param name="source">The folder of the weights that were loaded.</param>
    /// <param name="target">The folder to write; it is made where there is none.</param>
    /// <exception cref="ConesException">It cannot be written.</exception>
    public void SaveFolder(string source, string target) => GlipFolder.Save(this, source, target);

    /// <summary>The configuration of a folder or a file of weights, which are not read.</summary>
    /// <exception cref="ConesException">There is no such model.</exception>
    public static GlipConfig ReadConfig(string path) => GlipFolder.ReadConfig(File.Exists(path) ? path : CheckpointFolder.FindWeights(path));

    /// <summary>Encodes captions.</summary>
    /// <param name="captions">At least one.</param>
    /// <param name="padToMax">Whether to pad to <see cref="GlipConfig.MaxTokens"/>, as GLIP does, instead of to the longest caption. It changes no result.</param>
    /// <exception cref="ConesException">There is no tokenizer.</exception>
    public GlipText EncodeText(IReadOnlyList<GlipCaption> captions, bool padToMax = false)
    {
        if (captions.Count == 0) throw new ArgumentException("no captions given", nameof(captions));
        var tokenizer = Tokenizer ?? throw new ConesException("the model has no tokenizer: put the vocab.txt of bert-base-uncased beside its weights");
        var batch = tokenizer.TokenizeBatch([.. captions.Select(c => c.Text)], Config.MaxTokens, padToMax ? TokenPadding.MaxLength : TokenPadding.Longest);
        GlipTokens[] tokens = [.. captions.Zip(batch.Texts, (caption, text) => caption.TokensIn(text))];

        using var scope = NewDisposeScope();
        var device = TextEncoder.WordTable.device;
        var mask = batch.AttentionMask(device);
        var hidden = EncodeText(batch.Ids(device), mask);
        if (Config.MaskSpecialTokens) mask = mask * batch.Ids(device).ne(tokenizer.ClsId) * batch.Ids(device).ne(tokenizer.SepId);
        return new GlipText(hidden.MoveToOuterDisposeScope(), mask.to(ScalarType.Int64).MoveToOuterDisposeScope(), tokens);
    }

    /// <summary>Encodes tokens.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <param name="mask">[B, T], 0 for padding.</param>
    /// <returns>What <see cref="Forward"/> takes, [B, T, L].</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside the vocabulary.</exception>
    public Tensor EncodeText(Tensor ids, Tensor mask)
    {
        using var scope = NewDisposeScope();
        var features = EncodeLanguage(ids, mask);
        return (Config.Head.EarlyFusion ? features.Hidden : features.Embedded).MoveToOuterDisposeScope();
    }

    /// <summary>All that GLIP computes from tokens before the head.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <param name="mask">[B, T], 0 for padding.</param>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside the vocabulary.</exception>
    public LanguageFeatures EncodeLanguage(Tensor ids, Tensor mask)
    {
        ShapeCheck.Require(nameof(mask), mask, ids.shape);
        using var scope = NewDisposeScope();
        return LanguageFeatures.Of(TextEncoder.Forward(ids, mask), mask, Config.TextLayers).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the levels of the image's pyramid. They do not depend on the text and may be kept.</summary>
    /// <param name="pixels">[B, 3, H, W], prepared by <see cref="Detection.GlipImageProcessor"/>; H and W may be any.</param>
    /// <returns>P3 to P7, [B, C, H', W'] each, with a stride of 8 to 128 pixels; channels-last in memory.</returns>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public IReadOnlyList<Tensor> EncodeImage(Tensor pixels)
    {
        ShapeCheck.Require(nameof(pixels), pixels, ShapeCheck.Any, 3, ShapeCheck.Any, ShapeCheck.Any);
        using var scope = NewDisposeScope();
        return [.. Backbone.Forward(pixels.to(TextEncoder.WordTable.dtype)).Select(l => l.MoveToOuterDisposeScope())];
    }

    /// <summary>Runs the head.</summary>
    /// <param name="levels">P3 to P7, as <see cref="EncodeImage"/> gives them, of B images.</param>
    /// <param name="hidden">[B, T, L], or [1, T, L] for all images: the text encoder's output, or what was learned in its place.</param>
    /// <param name="mask">[B, T], or [1, T] for all images: 0 for padding.</param>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public GlipOutputs Forward(IReadOnlyList<Tensor> levels, Tensor hidden, Tensor mask)
    {
        using var scope = NewDisposeScope();
        return Head.Predict(Fuse(levels, hidden, mask)).MoveToOuterDisposeScope();
    }

    /// <summary>Runs the head up to its linear layers, <see cref="VLDyHead.Predict"/>.</summary>
    /// <param name="levels">P3 to P7, as <see cref="EncodeImage"/> gives them, of B images.</param>
    /// <param name="hidden">[B, T, L], or [1, T, L] for all images.</param>
    /// <param name="mask">[B, T], or [1, T] for all images: 0 for padding.</param>
    /// <returns>The tower's pixels, and the text that they are compared with, [B, T, L].</returns>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public TowerState Fuse(IReadOnlyList<Tensor> levels, Tensor hidden, Tensor mask)
    {
        Check(levels, hidden, mask);
        using var scope = NewDisposeScope();
        var batch = levels[0].shape[0];
        // Levels and what is learned may be float32 whatever the frozen weights are: the cast comes here, and gradients pass it.
        var type = TextEncoder.WordTable.dtype;
        var valid = mask.expand(batch, -1);
        var text = hidden.to(type).expand(batch, -1, -1);
        var embedded = text * valid.ne(0).to(type).unsqueeze(-1);
        if (_promptOffset is not null)
        {
            var offset = _promptOffset.Value.narrow(0, 0, hidden.shape[1]).to(type); // [T, L]
            (text, embedded) = (text + offset, embedded + offset);
        }

        var state = Head.Fuse(new TowerState([.. levels.Select(l => TensorMemory.ToChannelsLast(l.to(type)))], text), valid);
        return (Config.Head.FusedDotProduct ? state : state with { Hidden = embedded }).MoveToOuterDisposeScope();
    }

    /// <summary>Finds what a caption names in an image.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="caption">The caption.</param>
    /// <returns>The detections by descending score, in pixels of the image.</returns>
    /// <exception cref="ConesException">There is no tokenizer.</exception>
    public IReadOnlyList<GlipDetection> Detect(RgbImage image, GlipCaption caption)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var text = EncodeText([caption]);
        var batch = new GlipImageProcessor(Config.Input).Preprocess(image);
        var outputs = Forward(EncodeImage(batch.PixelValues.to(text.Hidden.device)), text.Hidden, text.Mask);
        return new GlipPostProcessor(Config.Detection, Config.Anchors).Process(outputs, [text.Tokens[0].Classes], batch.ReshapedSizes, batch.OriginalSizes)[0];
    }

    void Check(IReadOnlyList<Tensor> levels, Tensor hidden, Tensor mask)
    {
        if (levels.Count != GlipConfig.Levels) throw new ArgumentException($"{levels.Count} levels given, {GlipConfig.Levels} expected (P3 to P7)", nameof(levels));
        var batch = levels[0].dim() > 0 ? levels[0].shape[0] : 0;
        for (var i = 0; i < levels.Count; i++)
        {
            ShapeCheck.Require($"P{i + 3}", levels[i], batch, Config.Head.Channels, ShapeCheck.Any, ShapeCheck.Any);
            if (i > 0 && (levels[i].shape[2] != (levels[i - 1].shape[2] + 1) / 2 || levels[i].shape[3] != (levels[i - 1].shape[3] + 1) / 2))
                throw new ArgumentException($"P{i + 3} of shape {ShapeCheck.Text(levels[i].shape)} is not half of P{i + 2}, {ShapeCheck.Text(levels[i - 1].shape)}", nameof(levels));
        }

        var tokens = hidden.dim() == 3 ? hidden.shape[1] : 0;
        if (tokens < 1 || (hidden.shape[0] != batch && hidden.shape[0] != 1) || hidden.shape[2] != Config.Bert.HiddenSize)
            throw new ArgumentException($"hidden must be [{batch} or 1,tokens,{Config.Bert.HiddenSize}], not {ShapeCheck.Text(hidden.shape)}", nameof(hidden));
        if (mask.dim() != 2 || (mask.shape[0] != batch && mask.shape[0] != 1) || mask.shape[1] != tokens)
            throw new ArgumentException($"mask must be [{batch} or 1,{tokens}], not {ShapeCheck.Text(mask.shape)}", nameof(mask));
        if (_promptOffset is not null && tokens > PromptOffsetRows)
            throw new ArgumentException($"{tokens} tokens given, the prompt offset has {PromptOffsetRows} rows", nameof(hidden));
    }
}
