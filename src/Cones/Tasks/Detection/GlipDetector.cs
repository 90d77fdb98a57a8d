using System.Security.Cryptography;
using System.Text.Json;
using Cones.Data;
using Cones.Data.Augmentation;
using Cones.Models;
using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Head;
using Cones.Models.Glip.Text;
using Cones.Models.Glip.Training;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>GLIP behind the detectors' seam.</summary>
/// <param name="model">The model, which is owned from here on.</param>
/// <param name="source">The folder or file that it was loaded from; null where it is not to be saved.</param>
public sealed partial class GlipDetector(GlipModel model, string? source = null) : ITrainableDetector
{
    readonly GlipImageProcessor _processor = new(model.Config.Input);
    readonly GlipPostProcessor _post = new(model.Config.Detection, model.Config.Anchors);
    readonly AtssAssigner _assigner = new(model.Config.Loss);
    readonly GlipLoss _loss = new(model.Config.Loss);

    /// <summary>The family's name in concept files.</summary>
    public const string FamilyName = "glip";

    /// <inheritdoc/>
    public string Family => FamilyName;

    /// <inheritdoc/>
    public string Fingerprint { get; } = FingerprintOf(model.Config);

    /// <inheritdoc/>
    public Device Device => model.TextEncoder.WordTable.device;

    ScalarType Type => model.TextEncoder.WordTable.dtype;

    /// <summary>Loads a folder (<see cref="GlipModel.FromFolder"/>) or a file of weights (<see cref="GlipModel.FromFile"/>).</summary>
    /// <exception cref="ConesException">There is no such model.</exception>
    public static GlipDetector FromPath(string path, LoadOptions? options = null) =>
        new(File.Exists(path) ? GlipModel.FromFile(path, null, options) : GlipModel.FromFolder(path, options), path);

    /// <summary>The fingerprint of all that decides the text space and the head; sizes of images and thresholds do not.</summary>
    public static string FingerprintOf(GlipConfig config)
    {
        var parts = new { config.Swin, config.Bert, config.Head, config.TextLayers, config.MaskSpecialTokens, config.Separator };
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(parts)));
    }

    /// <inheritdoc/>
    public int MaxTokens => model.Config.MaxTokens;

    /// <inheritdoc/>
    public CaptionLayout LayOut(IReadOnlyList<ClassPrompt> classes)
    {
        var tokenizer = model.Tokenizer ?? throw new ConesException("the model has no tokenizer: put the vocab.txt of bert-base-uncased beside its weights");
        var tokens = GlipCaption.FromClasses([.. classes.Select(c => c.Text)], model.Config.Separator).Tokenize(tokenizer, int.MaxValue);
        for (var i = 0; i < classes.Count; i++)
            if (tokens.Classes[i].Count == 0) throw new ConesException($"the words '{classes[i].Text}' of the class '{classes[i].Name}' have no tokens: give it a name of letters or digits (--classes name=words)");
        return new CaptionLayout(tokens.Text.Ids.Count, tokens.Classes);
    }

    /// <inheritdoc/>
    public CaptionEncoding EncodeCaption(IReadOnlyList<ClassPrompt> classes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var text = model.EncodeText([GlipCaption.FromClasses([.. classes.Select(c => c.Text)], model.Config.Separator)]);
        var slots = text.Tokens[0].Classes;
        for (var i = 0; i < slots.Count; i++)
        {
            if (slots[i].Count == 0)
                throw new ConesException($"the words '{classes[i].Text}' of the class '{classes[i].Name}' have no place in the caption: it takes {model.Config.MaxTokens} tokens, name fewer classes or shorter ones");
        }

        var ids = tensor(text.Tokens[0].Text.Ids.Select(i => (long)i).ToArray(), [1, text.Hidden.shape[1]], device: Device);
        return new CaptionEncoding(text.Hidden, text.Mask, slots, model.TextEncoder.Embed(ids));
    }

    /// <inheritdoc/>
    public Tensor EncodeWords(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes)
    {
        if (words.shape[1] > model.Config.MaxTokens)
            throw new ConesException($"the caption has {words.shape[1]} tokens with what is learned, the model takes {model.Config.MaxTokens}: learn fewer (--slots), or name fewer classes (--classes)");
        using var scope = NewDisposeScope();
        var mask = ones([1, words.shape[1]], ScalarType.Int64, words.device);
        var border = new PrecisionBorder(Type, PrecisionBorder.PerObject);
        var features = LanguageFeatures.Of(model.TextEncoder.ForwardFromEmbeddings(border.Enter(words), mask), mask, model.Config.TextLayers);
        return border.Leave(model.Config.Head.EarlyFusion ? features.Hidden : features.Embedded).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeImage(RgbImage image)
    {
        using var noGrad = no_grad();
        return EncodeView(image, prepared: false);
    }

    /// <inheritdoc/>
    public DetectionTargets Assign(IReadOnlyList<Tensor> features, ImageSize size, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes) =>
        Assign([.. features.Select(f => new ImageSize((int)f.shape[2], (int)f.shape[3]))], size, Resized(size), boxes, classes);

    /// <inheritdoc/>
    public Tensor Loss(IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var scope = NewDisposeScope();
        return Loss(Forward(features, conditioning), conditioning.Mask!, classes, targets).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DetectedObject> Detect(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Detect(Forward(features, conditioning), size, classes, wanted);
    }

    /// <inheritdoc/>
    public (double Loss, IReadOnlyList<DetectedObject> Found) Judge(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Judge(Forward(features, conditioning), size, conditioning.Mask!, classes, targets);
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    GlipOutputs Forward(IReadOnlyList<Tensor> features, Conditioning conditioning)
    {
        var border = new PrecisionBorder(Type, PrecisionBorder.PerObject);
        var outputs = model.Forward(features, border.Enter(conditioning.Embeddings), conditioning.Mask!);
        return new GlipOutputs([.. outputs.Logits.Select(border.Leave)], [.. outputs.Boxes.Select(border.Leave)], [.. outputs.Centerness.Select(border.Leave)]);
    }

    Targets Assign(IReadOnlyList<ImageSize> levels, ImageSize size, ImageSize resized, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes)
    {
        if (boxes.Count != classes.Count) throw new ArgumentException($"{boxes.Count} boxes and {classes.Count} classes given", nameof(classes));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var xywh = tensor(boxes.SelectMany(b => (double[])[b.X, b.Y, b.Width, b.Height]).ToArray(), [boxes.Count, 4], ScalarType.Float64);
        var corners = GlipBoxes.FromCoco(xywh, size); // [G, 4]
        long[] valid = [.. GlipBoxes.IsValid(corners).data<bool>().ToArray().Select((v, i) => (v, i)).Where(p => p.v).Select(p => (long)p.i)];
        var kept = GlipBoxes.Resize(corners, size, resized).index_select(0, tensor(valid, ScalarType.Int64));
        var anchors = GlipAnchors.Create(model.Config.Anchors, levels);
        return new Targets(_assigner.Assign(anchors, kept), [.. valid.Select(i => classes[(int)i])]);
    }

    Tensor Loss(GlipOutputs outputs, Tensor mask, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets) =>
        _loss.Compute(outputs, [((Targets)targets).Assignment], PositiveMap(classes, targets.Classes, outputs.Tokens), mask).Total;

    IReadOnlyList<DetectedObject> Detect(GlipOutputs outputs, ImageSize size, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted = null)
    {
        // A class without slots is never found.
        IReadOnlyList<int>[] slots = [.. classes.Select((s, c) => wanted?.Contains(c) == false ? [] : s)];
        return [.. _post.Process(outputs, [slots], [Resized(size)], [size])[0].Select(d =>
            new DetectedObject(d.Label - 1, d.Score, BoxConvention.Inclusive.ToCoco(BoundingBox.FromCorners(d.X1, d.Y1, d.X2, d.Y2))))];
    }

    (double Loss, IReadOnlyList<DetectedObject> Found) Judge(
        GlipOutputs outputs, ImageSize size, Tensor mask, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets) =>
        (Loss(outputs, mask, classes, targets).to(ScalarType.Float64).item<double>(), Detect(outputs, size, classes));

    ImageSize Resized(ImageSize size) => GlipImageProcessor.ResizedSize(size, model.Config.Input.MinSize, model.Config.Input.MaxSize);

    // [boxes, T]: 1 for the slots of the box's class.
    static Tensor PositiveMap(IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlyList<int> labels, long tokens)
    {
        var map = new float[labels.Count * tokens];
        for (var row = 0; row < labels.Count; row++)
            foreach (var slot in classes[labels[row]]) map[(row * tokens) + slot] = 1;
        return tensor(map, [labels.Count, tokens]);
    }

    sealed record Targets(AtssAssignment Assignment, IReadOnlyList<int> Classes) : DetectionTargets(Classes);
}
