using System.Security.Cryptography;
using System.Text.Json;
using Cones.Data;
using Cones.Models;
using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Detections;
using Cones.Models.GroundingDino.Losses;
using Cones.Models.GroundingDino.Text;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Grounding DINO and MM Grounding DINO behind the detectors' seam. Concepts take the place of the projected text features, [T, D].</summary>
public sealed partial class GroundingDinoDetector : ITrainableDetector
{
    readonly GroundingDinoModel _model;
    readonly BertTokenizer? _tokenizer;
    readonly ImageProcessorConfig _input;
    readonly ImageProcessor _processor;
    readonly ImageProcessor _normalizer;
    readonly GroundingDinoLoss _loss = new();
    readonly string? _source;

    /// <summary>A detector around a model.</summary>
    /// <param name="model">The model, which is owned from here on.</param>
    /// <param name="tokenizer">The text encoder's; null for none.</param>
    /// <param name="input">How images are prepared.</param>
    /// <param name="source">The folder that it was loaded from; null where it is not to be saved.</param>
    public GroundingDinoDetector(GroundingDinoModel model, BertTokenizer? tokenizer, ImageProcessorConfig? input = null, string? source = null)
    {
        _source = source;
        (_model, _tokenizer, _input) = (model, tokenizer, input ?? ImageProcessorConfig.GroundingDino);
        _processor = new ImageProcessor(_input);
        _normalizer = new ImageProcessor(_input with { DoResize = false });
        Fingerprint = FingerprintOf(model.Config);
    }

    /// <inheritdoc/>
    public string Family => FamilyOf(_model.Config);

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public Device Device => _model.WordTable.device;

    /// <inheritdoc/>
    public int MaxTokens => _model.Config.MaxTextLen;

    /// <summary>Loads a folder of transformers: weights, <c>config.json</c>, <c>preprocessor_config.json</c> and the tokenizer's files.</summary>
    /// <exception cref="ConesException">There is no such model.</exception>
    public static GroundingDinoDetector FromFolder(string folder, LoadOptions? options = null)
    {
        var input = Path.Combine(folder, "preprocessor_config.json");
        string[] vocabularies = ["vocab.txt", "tokenizer.json"];
        var tokenizer = vocabularies.Any(v => File.Exists(Path.Combine(folder, v))) ? BertTokenizer.FromFolder(folder) : null;
        var processor = File.Exists(input) ? ImageProcessorConfig.GroundingDinoFromFile(input) : ImageProcessorConfig.GroundingDino;
        return new GroundingDinoDetector(GroundingDinoModel.FromFolder(folder, options), tokenizer, processor, folder);
    }

    /// <summary>The family's name in concept files.</summary>
    public static string FamilyOf(GroundingDinoConfig config) => config.ScaledClassHeads ? GroundingDinoConfig.MMGroundingDino : GroundingDinoConfig.GroundingDino;

    /// <summary>The fingerprint of all that decides the text space and the detector; which heads share weights does not.</summary>
    public static string FingerprintOf(GroundingDinoConfig config) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(config with { SharedBoxHeads = false, SharedClassHeads = false })));

    /// <inheritdoc/>
    public CaptionLayout LayOut(IReadOnlyList<ClassPrompt> classes)
    {
        var caption = Caption(classes, int.MaxValue);
        return new CaptionLayout(caption.Tokens.Ids.Count, caption.ClassSlots);
    }

    /// <inheritdoc/>
    public CaptionEncoding EncodeCaption(IReadOnlyList<ClassPrompt> classes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var caption = Caption(classes, MaxTokens);
        var words = Words(caption);
        return new CaptionEncoding(EncodeWords(words, caption.ClassSlots), ones([1, words.shape[1]], ScalarType.Int64, Device), caption.ClassSlots, words);
    }

    /// <inheritdoc/>
    public Tensor EncodeWords(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes)
    {
        if (words.shape[1] > MaxTokens)
            throw new ConesException($"the caption has {words.shape[1]} tokens with what is learned, the model takes {MaxTokens}: learn fewer (--slots), or name fewer classes (--classes)");
        using var scope = NewDisposeScope();
        var (border, masks) = (Border(), TextMasks.OfClasses(classes, (int)words.shape[1], Device));
        return border.Leave(_model.EncodeTextFromEmbeddings(border.Enter(words), masks).Projected).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeImage(RgbImage image)
    {
        using var noGrad = no_grad();
        return EncodeView(image, prepared: false);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeView(RgbImage view, bool prepared)
    {
        using var scope = NewDisposeScope();
        var batch = Preprocess(view, prepared);
        var maps = _model.EncodeMaps(batch.PixelValues.to(Device));
        var positions = maps.Sum(m => m.shape[2] * m.shape[3]);
        if (_model.Config.TwoStage && positions < _model.Config.NumQueries)
            throw new ConesException($"an image of {view.Size} (height x width) pixels has {positions} places in the model, which looks for {_model.Config.NumQueries} objects: leave it out");
        // An image is padded only where the processor has a fixed size; then the mask has to be kept too.
        Tensor[] features = batch.PixelMask.eq(0).any().item<bool>() ? [.. maps, batch.PixelMask.to(ScalarType.Float32, Device).unsqueeze(1)] : [.. maps];
        return [.. features.Select(f => f.MoveToOuterDisposeScope())];
    }

    /// <inheritdoc/>
    public DetectionTargets Assign(IReadOnlyList<Tensor> features, ImageSize size, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes) =>
        Assign(size, Resized(size), boxes, classes);

    static Targets Assign(ImageSize size, ImageSize resized, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes)
    {
        if (boxes.Count != classes.Count) throw new ArgumentException($"{boxes.Count} boxes and {classes.Count} classes given", nameof(classes));
        var kept = new List<float>();
        var labels = new List<int>();
        for (var i = 0; i < boxes.Count; i++)
        {
            // The part within the image, in parts of it.
            double left = Math.Clamp(boxes[i].X / size.Width, 0, 1), right = Math.Clamp(boxes[i].Right / size.Width, 0, 1);
            double top = Math.Clamp(boxes[i].Y / size.Height, 0, 1), bottom = Math.Clamp(boxes[i].Bottom / size.Height, 0, 1);
            if (right <= left || bottom <= top) continue;
            kept.AddRange([(float)((left + right) / 2), (float)((top + bottom) / 2), (float)(right - left), (float)(bottom - top)]);
            labels.Add(classes[i]);
        }

        return new Targets([.. kept], resized, labels);
    }

    /// <inheritdoc/>
    public Tensor Loss(IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var scope = NewDisposeScope();
        return LossOf(Forward(features, conditioning, classes), classes, (Targets)targets, conditioning).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DetectedObject> Detect(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return ObjectsOf(Forward(features, conditioning, classes), size, classes, wanted);
    }

    /// <inheritdoc/>
    public (double Loss, IReadOnlyList<DetectedObject> Found) Judge(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var output = Forward(features, conditioning, classes);
        return (LossOf(output, classes, (Targets)targets, conditioning).to(ScalarType.Float64).item<double>(), ObjectsOf(output, size, classes, null));
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    GroundingDinoOutput Forward(IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, bool details = false)
    {
        var levels = _model.Config.NumFeatureLevels;
        var mask = features.Count > levels ? features[levels].squeeze(1) : null; // [1, 1, H, W] -> [1, H, W]
        var (border, image) = (Border(), _model.JoinMaps([.. features.Take(levels)], mask));
        var output = _model.Forward(image, border.Enter(conditioning.Embeddings), TextMasks.OfClasses(classes, (int)conditioning.Embeddings.shape[1], Device), details);
        return output with
        {
            Logits = border.Leave(output.Logits),
            Boxes = border.Leave(output.Boxes),
            Proposals = output.Proposals is { } p ? p with { Logits = border.Leave(p.Logits), Boxes = border.Leave(p.Boxes) } : null,
        };
    }

    PrecisionBorder Border() => new(_model.WordTable.dtype, PrecisionBorder.PerObject);

    Tensor LossOf(GroundingDinoOutput output, IReadOnlyList<IReadOnlyList<int>> classes, Targets targets, Conditioning conditioning)
    {
        var map = LabelMaps.ToPositiveMap([.. targets.Classes.Select(c => classes[c])], (int)output.Logits.shape[^1]);
        var target = new DetectionTarget(tensor(targets.Boxes, [targets.Classes.Count, 4], device: Device), map.to(Device), targets.Size);
        return _loss.Compute(output, ones_like(conditioning.Mask!), [target]).Total;
    }

    // By class: the mean over its tokens, as the reference evaluations of both families have it; no suppression of doubles.
    static IReadOnlyList<DetectedObject> ObjectsOf(GroundingDinoOutput output, ImageSize size, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted)
    {
        int[] places = [.. Enumerable.Range(0, classes.Count).Where(c => wanted?.Contains(c) != false)];
        if (places.Length == 0) return [];
        var found = GroundingDinoPostProcessor.ByClass(output.LastLogits()[0], output.LastBoxes()[0], size, [.. places.Select(c => classes[c])], ScoreAggregation.Mean);
        return [.. found.Select(d => new DetectedObject(places[d.Label], d.Score, BoundingBox.FromCorners(d.Box.X1, d.Box.Y1, d.Box.X2, d.Box.Y2)))];
    }

    ImageBatch Preprocess(RgbImage image, bool prepared)
    {
        try
        {
            return (prepared ? _normalizer : _processor).Preprocess(image);
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{e.Message}: leave it out", e);
        }
    }

    ImageSize Resized(ImageSize size) => _input.DoResize ? _input.Size.Apply(size) : size;

    // [1, T, D]
    Tensor Words(GroundingCaption caption) =>
        _model.EmbedTokens(tensor(caption.Tokens.Ids.Select(i => (long)i).ToArray(), [1, caption.Tokens.Ids.Count], device: Device));

    GroundingCaption Caption(IReadOnlyList<ClassPrompt> classes, int maxTokens) => GroundingCaption.FromNames(
        [.. classes.Select(c => GroundingCaption.Clean(c.Text))],
        _tokenizer ?? throw new ConesException("the model has no tokenizer: put vocab.txt and tokenizer_config.json of its text encoder beside its weights"),
        maxTokens);

    // Boxes are (cx, cy, w, h) in parts of the image, one after the other.
    sealed record Targets(float[] Boxes, ImageSize Size, IReadOnlyList<int> Classes) : DetectionTargets(Classes);
}
