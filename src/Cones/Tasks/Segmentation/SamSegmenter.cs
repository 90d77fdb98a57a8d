using System.Security.Cryptography;
using System.Text.Json;
using Cones.Data;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Layers;
using Cones.Models.Sam;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Prompts.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>SAM behind the segmenters' seam: a box, the tokens of a class behind it, or these alone ask for a mask.</summary>
public sealed class SamSegmenter : ISegmenter
{
    /// <summary>The family's name in concept files.</summary>
    public const string FamilyName = "sam";

    const int DefaultSlots = 2;
    const string Encoder = "vision_encoder.";
    const string Decoder = "mask_decoder.";
    const string NoPoint = "prompt_encoder.not_a_point_embed.weight";

    // Masks of an image's size that exist at a time, in elements.
    const long MaskElements = 1 << 25;
    const int DecodedAtATime = 8;

    static readonly SamLossOptions s_focal = new() { Iou = 1 };
    static readonly SamLossOptions s_crossEntropy = new() { Focal = 0, CrossEntropy = 2, Dice = 1, Iou = 1 };

    readonly SamModel _model;
    readonly ImageProcessorConfig _images;
    readonly ImageProcessor _processor;
    readonly Lazy<string> _imageFingerprint;

    /// <summary>A segmenter.</summary>
    /// <param name="model">The model, which is owned from here on.</param>
    /// <param name="images">How images are prepared; null for SAM's way at the model's size.</param>
    public SamSegmenter(SamModel model, ImageProcessorConfig? images = null)
    {
        _model = model;
        var side = model.Config.Vision.ImageSize;
        _images = images ?? ImageProcessorConfig.Sam with { Size = new SizeRule { LongestEdge = side }, PadSize = new ImageSize(side, side) };
        _processor = new ImageProcessor(_images);
        Fingerprint = FingerprintOf(model.Config);
        _imageFingerprint = new Lazy<string>(() => WeightDigest.Of(_model, Encoder, JsonSerializer.Serialize(model.Config.Vision), JsonSerializer.Serialize(_images)));
    }

    /// <inheritdoc/>
    public string Family => FamilyName;

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public string ImageFingerprint => _imageFingerprint.Value;

    /// <inheritdoc/>
    public Device Device => Neutral.device;

    /// <inheritdoc/>
    public bool PromptsAreObjects => true;

    /// <inheritdoc/>
    public bool ReadsNames => false;

    /// <inheritdoc/>
    public int PromptWidth => _model.Config.PromptEncoder.HiddenSize;

    Tensor Neutral => _model.NamedWeights().First(w => w.Key == NoPoint).Value.Value; // [1, C]

    /// <summary>Loads a folder (<see cref="SamModel.FromFolder"/>) or a file of weights (<see cref="SamModel.FromFile"/>).</summary>
    /// <exception cref="ConesException">There is no such model.</exception>
    public static SamSegmenter FromPath(string path, LoadOptions? options = null)
    {
        if (File.Exists(path)) return new SamSegmenter(SamModel.FromFile(path, null, options));
        var file = Path.Combine(path, "preprocessor_config.json");
        return new SamSegmenter(SamModel.FromFolder(path, options), File.Exists(file) ? ImageProcessorConfig.SamFromFile(file) : null);
    }

    /// <summary>The fingerprint of the shape; weights of one shape share it, since fine-tuned ones understand a concept too.</summary>
    public static string FingerprintOf(SamConfig config) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(config)));

    /// <inheritdoc/>
    public ISegmentationPrompt CreatePrompt(SegmentationPromptOptions options)
    {
        if (options.Method is SegmentationMethod.Offset or SegmentationMethod.PseudoWord)
            throw new ConesException("SAM reads no text, so that there is nothing to add to or to write: search concepts (--method concept), or name a SAM 3 model (--model)");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return options.Method == SegmentationMethod.Concept
            ? TokensPrompt.Searched(StartTokens.Around(Neutral, options, DefaultSlots), Device)
            : TokensPrompt.Fixed(EncodeNames(options.Classes), Device);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeNames(IReadOnlyList<ClassPrompt> classes) =>
        [.. classes.Select(_ => zeros([0, PromptWidth], ScalarType.Float32, Device))];

    /// <inheritdoc/>
    public Tensor Preprocess(RgbImage image)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        try
        {
            return _processor.Preprocess(image).PixelValues.to(Device).MoveToOuterDisposeScope();
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{e.Message}: leave it out", e);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeImage(Tensor pixels) => [_model.EncodeImage(pixels)];

    /// <inheritdoc/>
    public MaskGrid GridOf(ImageSize size) => MaskGrid.Padded(_model.Config.PromptEncoder.MaskSize, Padded, Reshaped(size));

    /// <inheritdoc/>
    public Tensor Loss(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, IReadOnlyList<SegmentationTarget> targets, MaskLossKind loss)
    {
        using var scope = NewDisposeScope();
        var output = Decode(features, size, prompts.Embeddings, [.. targets.Select(t => t.Prompt)]);
        var expected = MaskPatch.Stack([.. targets.Select(t => t.Mask)], GridOf(size), Device).unsqueeze(0); // [1, P, H, W]
        return SamLoss.Compute(output.PredMasks, output.IouScores, expected, loss == MaskLossKind.Focal ? s_focal : s_crossEntropy).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IEnumerable<SegmentedObject> Segment(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, IReadOnlyList<BoundingBox?> boxes, double threshold)
    {
        for (var first = 0; first < boxes.Count; first += DecodedAtATime)
        {
            BoundingBox?[] part = [.. boxes.Skip(first).Take(DecodedAtATime)];
            foreach (var found in SegmentPart(features, size, prompts, part, first, threshold)) yield return found;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(bool encoder) => WeightTuning.Unfreeze(
        _model, name => encoder ? !SamKeys.TiedPositions.Contains(name) : name.StartsWith(Decoder, StringComparison.Ordinal));

    /// <inheritdoc/>
    public void Save(string folder) => SamFolder.Write(_model, _images, folder);

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    ImageSize Padded => new(_model.Config.Vision.ImageSize, _model.Config.Vision.ImageSize);

    ImageSize Reshaped(ImageSize size) => _images.DoResize ? _images.Size.Apply(size) : size;

    // Masks of rows, of which either all or none have a box.
    SamOutput Decode(IReadOnlyList<Tensor> features, ImageSize size, Tensor tokens, IReadOnlyList<BoundingBox?> boxes)
    {
        using var scope = NewDisposeScope();
        if (tokens.shape[0] != boxes.Count) throw new ArgumentException($"{tokens.shape[0]} prompts given for {boxes.Count} boxes", nameof(tokens));
        // The loss is a mean over prompts: each has the gradient of one.
        var border = new PrecisionBorder(Neutral.dtype, PrecisionBorder.PerObject * boxes.Count);
        var extra = tokens.shape[1] == 0 ? null : border.Enter(tokens).unsqueeze(0); // [P, n, C] -> [1, P, n, C]
        SamPromptEmbeddings? corners = null;
        if (boxes[0] is not null)
        {
            var values = boxes.Select(b => b!.Value).SelectMany(b => (double[])[b.X, b.Y, b.Right, b.Bottom]).ToArray();
            var xyxy = tensor(values, [1, boxes.Count, 4], ScalarType.Float32, device: Device);
            corners = _model.EncodePrompts(new SamPrompts { Boxes = SamProcessor.ScalePrompts(xyxy, size, Reshaped(size)) });
        }
        else if (extra is null)
        {
            throw new ArgumentException("a prompt has neither a box nor tokens", nameof(tokens));
        }

        var output = _model.Decode(features[0], corners, multimaskOutput: false, extra);
        output = new SamOutput(border.Leave(output.PredMasks), border.Leave(output.IouScores));
        scope.MoveToOuter(output.PredMasks, output.IouScores);
        return output;
    }

    List<SegmentedObject> SegmentPart(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, BoundingBox?[] boxes, int first, double threshold)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var output = Decode(features, size, prompts.Embeddings.narrow(0, first, boxes.Length), boxes);
        var scores = output.IouScores.flatten().clamp(0, 1).cpu().data<float>().ToArray();
        var found = new List<SegmentedObject>();
        var atATime = (int)Math.Clamp(MaskElements / ((long)size.Height * size.Width), 1, boxes.Length);
        for (var i = 0; i < boxes.Length; i += atATime)
        {
            using var part = NewDisposeScope();
            var logits = output.PredMasks[0].narrow(0, i, Math.Min(atATime, boxes.Length - i)).squeeze(1); // [p, h, w]
            var masks = TensorMasks.Encode(SamProcessor.MasksToImage(logits, size, Reshaped(size), Padded) > 0);
            for (var k = 0; k < masks.Count; k++)
            {
                if (scores[i + k] < threshold) continue;
                // Without a box the mask holds all objects of a class: those that do not touch are different ones.
                foreach (var mask in boxes[i + k] is null ? ConnectedComponents.Of(masks[k]) : [masks[k]])
                    if (mask.Area > 0) found.Add(new SegmentedObject(first + i + k, scores[i + k], mask));
            }
        }

        return found;
    }
}
