using System.Security.Cryptography;
using System.Text.Json;
using Cones.Data;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Sam3;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Prompts.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>SAM 3 behind the segmenters' seam: the tokens of a class find all its objects.</summary>
public sealed class Sam3Segmenter : ISegmenter
{
    /// <summary>The family's name in concept files.</summary>
    public const string FamilyName = "sam3";

    const string Encoder = "vision_encoder.";

    // Masks of an image's size that exist at a time, in elements.
    const long MaskElements = 1 << 25;

    static readonly string[] s_encoders = [Encoder, "text_encoder.", "text_projection.", "geometry_encoder."];
    static readonly string[] s_copied = ["config.json", "preprocessor_config.json", "processor_config.json", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    readonly Sam3Model _model;
    readonly string _folder;
    readonly ImageProcessorConfig _images;
    readonly ImageProcessor _processor;
    readonly Lazy<ClipTokenizer> _tokenizer;
    readonly Lazy<string> _imageFingerprint;

    /// <summary>A segmenter.</summary>
    /// <param name="model">The model, which is owned from here on.</param>
    /// <param name="folder">The folder of the tokenizer's files, read when a name comes, and of <c>preprocessor_config.json</c>; without that images are prepared as SAM 3's.</param>
    public Sam3Segmenter(Sam3Model model, string folder)
    {
        (_model, _folder) = (model, folder);
        var file = Path.Combine(folder, "preprocessor_config.json");
        _images = File.Exists(file)
            ? ImageProcessorConfig.Sam3FromFile(file)
            : ImageProcessorConfig.Sam3 with { Size = SizeRule.Square(model.Config.Vision.Backbone.ImageSize) };
        _processor = new ImageProcessor(_images);
        Fingerprint = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(model.Config)));
        _tokenizer = new Lazy<ClipTokenizer>(() => ClipTokenizer.FromFolder(folder));
        _imageFingerprint = new Lazy<string>(() => WeightDigest.Of(_model, Encoder, JsonSerializer.Serialize(model.Config.Vision), JsonSerializer.Serialize(_images)));
    }

    /// <inheritdoc/>
    public string Family => FamilyName;

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public string ImageFingerprint => _imageFingerprint.Value;

    /// <inheritdoc/>
    public Device Device => _model.TextEncoder.TokenTable.device;

    /// <inheritdoc/>
    public bool PromptsAreObjects => false;

    /// <inheritdoc/>
    public bool ReadsNames => true;

    /// <inheritdoc/>
    public int PromptWidth => _model.Config.DetrEncoder.HiddenSize;

    /// <summary>Loads a folder; names need the tokenizer's files in it.</summary>
    /// <exception cref="ConesException">There is no such model.</exception>
    public static Sam3Segmenter FromFolder(string folder, LoadOptions? options = null) => new(Sam3Model.FromFolder(folder, options), folder);

    /// <inheritdoc/>
    public ISegmentationPrompt CreatePrompt(SegmentationPromptOptions options)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        PhraseEncoding[] phrases = [.. options.Classes.Select(Encode)];
        try
        {
            return options.Method switch
            {
                // The first token is the same for every phrase of a causal encoder.
                SegmentationMethod.Concept => TokensPrompt.Searched(
                    StartTokens.Of([.. phrases.Select(p => p.Rows.narrow(0, 1, p.Length - 1))], options), Device, phrases[0].Rows.narrow(0, 0, 1)),
                SegmentationMethod.Offset => new PhraseOffsetPrompt(phrases),
                SegmentationMethod.PseudoWord => new PhraseWordsPrompt(phrases, RequireRoom(Math.Max(1, options.Slots)), EncodeWords),
                _ => TokensPrompt.Fixed([.. phrases.Select(p => p.Rows)], Device),
            };
        }
        finally
        {
            foreach (var phrase in phrases) phrase.Dispose();
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeNames(IReadOnlyList<ClassPrompt> classes)
    {
        using var noGrad = no_grad();
        return [.. classes.Select(c =>
        {
            using var phrase = Encode(c);
            return phrase.Rows.clone();
        })];
    }

    /// <inheritdoc/>
    public Tensor Preprocess(RgbImage image)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _processor.Preprocess(image).PixelValues.to(Device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeImage(Tensor pixels) => _model.EncodeImage(pixels).Levels;

    /// <inheritdoc/>
    public MaskGrid GridOf(ImageSize size)
    {
        var side = _model.Config.Vision.LevelSize(0);
        return MaskGrid.Filled(side, side);
    }

    /// <inheritdoc/>
    public Tensor Loss(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, IReadOnlyList<SegmentationTarget> targets, MaskLossKind loss)
    {
        if (loss != MaskLossKind.Focal) throw new ConesException("SAM 3 is searched with its own loss only: leave the choice out (--mask-loss)");
        using var scope = NewDisposeScope();
        var output = Forward(features, prompts.Embeddings, prompts.Mask);
        var corners = targets.SelectMany(t => (double[])[t.Box.X / size.Width, t.Box.Y / size.Height, t.Box.Right / size.Width, t.Box.Bottom / size.Height]).ToArray();
        var boxes = tensor(corners, [targets.Count, 4], ScalarType.Float32, device: Device);
        var masks = targets.Count == 0 ? null : MaskPatch.Stack([.. targets.Select(t => t.Mask)], GridOf(size), Device);
        return Sam3Loss.Compute(output, [new Sam3Target(boxes, masks)]).Total.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IEnumerable<SegmentedObject> Segment(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, IReadOnlyList<BoundingBox?> boxes, double threshold)
    {
        for (var row = 0; row < prompts.Embeddings.shape[0]; row++)
            foreach (var found in SegmentRow(features, size, prompts, row, threshold)) yield return found;
    }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(bool encoder) => WeightTuning.Unfreeze(
        _model, name => encoder || !s_encoders.Any(e => name.StartsWith(e, StringComparison.Ordinal)));

    /// <inheritdoc/>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        WeightTuning.Save(_model, folder);
        foreach (var name in s_copied.Where(n => File.Exists(Path.Combine(_folder, n))))
            File.Copy(Path.Combine(_folder, name), Path.Combine(folder, name), overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    PhraseEncoding Encode(ClassPrompt name)
    {
        using var scope = NewDisposeScope();
        var most = _model.Config.Text.MaxPositionEmbeddings;
        var tokens = _tokenizer.Value.Encode(name.Text, most);
        if (tokens.Truncated is not null) throw new ConesException($"the words '{name.Text}' of the class '{name.Name}' are more than {most} tokens: name it shorter (--classes)");
        if (tokens.Ids.Count < 3) throw new ConesException($"the words '{name.Text}' of the class '{name.Name}' hold nothing that the model reads: name it with letters (--classes)");
        if (tokens.Ids.FirstOrDefault(i => i >= _model.Config.Text.VocabSize, -1) is >= 0 and var strange)
            throw new ConesException($"the tokenizer in {_folder} gives the id {strange}, the text encoder knows {_model.Config.Text.VocabSize}: fetch the model's own tokenizer files");
        var ids = tensor(tokens.Ids.Select(i => (long)i).ToArray(), [1, tokens.Ids.Count], device: Device);
        return new PhraseEncoding(_model.EncodeText(ids).Embeds[0], _model.TextEncoder.Embed(ids)[0]);
    }

    // Words at the text encoder's input [B, T, D] to prompt tokens [B, T, C]; the pooled output, for which ids would matter, is not used.
    Tensor EncodeWords(Tensor words)
    {
        using var scope = NewDisposeScope();
        var (border, ids) = (Border(), zeros([words.shape[0], words.shape[1]], ScalarType.Int64, words.device));
        var hidden = _model.TextEncoder.ForwardFromEmbeddings(border.Enter(words), ids).LastHiddenState;
        return border.Leave(_model.ProjectText(hidden)).MoveToOuterDisposeScope();
    }

    Sam3Output Forward(IReadOnlyList<Tensor> features, Tensor tokens, Tensor? mask)
    {
        var border = Border();
        var output = _model.Forward(new Sam3ImageFeatures(features), border.Enter(tokens), mask);
        return output with
        {
            PredMasks = border.Leave(output.PredMasks),
            PredBoxes = border.Leave(output.PredBoxes),
            PredLogits = border.Leave(output.PredLogits),
            PresenceLogits = border.Leave(output.PresenceLogits),
            Layers = output.Layers with { Boxes = border.Leave(output.Layers.Boxes), Logits = border.Leave(output.Layers.Logits), Presence = border.Leave(output.Layers.Presence) },
        };
    }

    PrecisionBorder Border() => new(_model.TextEncoder.TokenTable.dtype, PrecisionBorder.PerObject);

    int RequireRoom(int words) => words + 2 <= _model.Config.Text.MaxPositionEmbeddings
        ? words
        : throw new ConesException($"{words} words and two for start and end are more than the {_model.Config.Text.MaxPositionEmbeddings} tokens that the model takes: learn fewer (--slots)");

    List<SegmentedObject> SegmentRow(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, int row, double threshold)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var output = Forward(features, prompts.Embeddings.narrow(0, row, 1), prompts.Mask?.narrow(0, row, 1));
        var found = new List<SegmentedObject>();
        var queries = (int)output.PredLogits.shape[1];
        var atATime = (int)Math.Clamp(MaskElements / ((long)size.Height * size.Width), 1, queries);
        for (var q = 0; q < queries; q += atATime)
        {
            using var part = NewDisposeScope();
            var count = Math.Min(atATime, queries - q);
            var some = output with
            {
                PredMasks = output.PredMasks.narrow(1, q, count),
                PredBoxes = output.PredBoxes.narrow(1, q, count),
                PredLogits = output.PredLogits.narrow(1, q, count),
            };
            var instances = Sam3Postprocessor.Instances(some, [size], threshold)[0];
            if (instances.Masks.shape[0] == 0) continue;
            var masks = TensorMasks.Encode(instances.Masks);
            var scores = instances.Scores.cpu().data<float>().ToArray();
            for (var i = 0; i < masks.Count; i++)
                if (masks[i].Area > 0) found.Add(new SegmentedObject(row, scores[i], masks[i]));
        }

        return found;
    }
}
