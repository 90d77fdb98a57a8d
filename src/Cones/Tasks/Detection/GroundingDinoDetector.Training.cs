using Cones.Data.Augmentation;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>
/// Fine-tuning as mmdetection's <c>configs/mm_grounding_dino/*_finetune_*</c> do it: image backbone and text encoder have the rate 0 there, all
/// else is trained. Dropout is off.
/// </summary>
public sealed partial class GroundingDinoDetector
{
    const string TextProjection = "model.text_projection.";

    static readonly string[] s_frozen = ["model.backbone.", "model.text_backbone."];
    static readonly string[] s_beside = ["config.json", "preprocessor_config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"];

    /// <summary>None: what the reference does not train is frozen.</summary>
    public IReadOnlyList<ParameterGroup> ParameterGroups => [];

    /// <inheritdoc/>
    public AugmentationRecipe Recipe => _input.Size is { ShortestEdge: { } shortSide, LongestEdge: { } longSide }
        ? AugmentationRecipe.MmGroundingDino(shortSide, longSide)
        : AugmentationRecipe.MmGroundingDino();

    /// <inheritdoc/>
    public void RequireScope(WeightScope scope)
    {
        if (scope == WeightScope.Linear) throw NoProbe();
    }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(WeightScope scope, bool text)
    {
        RequireScope(scope);
        return _model.Unfreeze(key => !s_frozen.Any(k => key.StartsWith(k, StringComparison.Ordinal)) && (text || !key.StartsWith(TextProjection, StringComparison.Ordinal)));
    }

    /// <inheritdoc/>
    public void Freeze() => _model.SetRequiresGrad(false);

    /// <inheritdoc/>
    public DetectionTargets Assign(IReadOnlyList<Tensor> features, TrainingView view) =>
        Assign(view.Image.Size, view.Prepared ? view.Image.Size : Resized(view.Image.Size), view.Boxes, view.Classes);

    /// <inheritdoc/>
    public Tensor EncodeHidden(IReadOnlyList<ClassPrompt> classes)
    {
        using var scope = NewDisposeScope();
        var caption = Caption(classes, MaxTokens);
        return EncodeWords(Words(caption), caption.ClassSlots).MoveToOuterDisposeScope();
    }

    /// <summary>Refuses: all layers meet the text, there is nothing linear behind them.</summary>
    /// <exception cref="ConesException">Always.</exception>
    public IViewDetector BuildIn(Conditioning conditioning) => throw NoProbe();

    /// <summary>The state of the query that lies best on each object: what is compared with the text.</summary>
    /// <inheritdoc/>
    public (Tensor Regions, IReadOnlyList<int> Classes) Regions(
        IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var output = Forward(features, conditioning, classes, details: true);
        var states = output.Details!.States[-1, 0].to(ScalarType.Float32); // [L, B, Q, D] -> [Q, D]
        var boxes = output.LastBoxes()[0].to(ScalarType.Float32).cpu().data<float>().ToArray(); // [Q, 4]
        var objects = ((Targets)targets).Boxes;
        long[] best = [.. Enumerable.Range(0, targets.Classes.Count).Select(o => (long)Enumerable.Range(0, boxes.Length / 4).MaxBy(q => Overlap(boxes.AsSpan(4 * q, 4), objects.AsSpan(4 * o, 4))))];
        return (states.index_select(0, tensor(best, ScalarType.Int64, device: states.device)).MoveToOuterDisposeScope(), targets.Classes);
    }

    /// <summary>Regions and text have one space here.</summary>
    /// <inheritdoc/>
    public Tensor ToText(Tensor regions) => regions.alias();

    /// <inheritdoc/>
    public void Save(string folder)
    {
        var source = _source ?? throw new InvalidOperationException("the model was not loaded from a folder");
        ModelFolderWriter.Write(_model, folder, s_beside.Select(n => Path.Combine(source, n)).Where(File.Exists));
    }

    // Intersection over union of boxes (cx, cy, w, h).
    static double Overlap(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double width = Math.Min(a[0] + (a[2] / 2), b[0] + (b[2] / 2)) - Math.Max(a[0] - (a[2] / 2), b[0] - (b[2] / 2));
        double height = Math.Min(a[1] + (a[3] / 2), b[1] + (b[3] / 2)) - Math.Max(a[1] - (a[3] / 2), b[1] - (b[3] / 2));
        var common = Math.Max(0, width) * Math.Max(0, height);
        return common / ((a[2] * a[3]) + (b[2] * b[3]) - common + 1e-12);
    }

    static ConesException NoProbe() =>
        new("the linear probe is GLIP's: in Grounding DINO all layers meet the text, nothing linear lies behind them; use full, or a concept (--method)");
}
