using Cones.Data;
using Cones.Data.Augmentation;
using Cones.Models;
using Cones.Models.Glip.Text;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>
/// GLIP's own tuning: <c>linear_prob</c> and <c>full</c> of its <c>tools/finetune.py</c>, with the factors of its <c>solver/build.py</c> and
/// the frozen stages of its commands for ODinW (<c>FREEZE_CONV_BODY_AT 2</c>). Unlike there, dropout is off.
/// </summary>
public sealed partial class GlipDetector
{
    const string TextEncoder = "language_backbone.";

    // scales.* are not among them.
    static readonly string[] s_linear =
        ["rpn.head.bbox_pred.", "rpn.head.centerness.", "rpn.head.dot_product_projection_text.", "rpn.head.log_scale", "rpn.head.bias_lang", "rpn.head.bias0"];

    static readonly string[] s_frozen = ["backbone.body.patch_embed.", "backbone.body.layers.0."];

    // Of the short side that the model takes: 480 to 800 of 800.
    static readonly double[] s_scales = [0.6, 0.7, 0.8, 0.9, 1];

    /// <summary>Biases (whatever has the word in its name) have twice the rate and no decay, the text encoder a tenth of the rate.</summary>
    public IReadOnlyList<ParameterGroup> ParameterGroups => [new("bias", RateFactor: 2, DecayFactor: 0), new(TextEncoder, RateFactor: 0.1)];

    /// <inheritdoc/>
    public AugmentationRecipe Recipe => AugmentationRecipe.Glip([.. s_scales.Select(s => (int)Math.Round(s * model.Config.Input.MinSize))], model.Config.Input.MaxSize);

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(WeightScope scope, bool text) => model.Unfreeze(key => scope == WeightScope.Linear
        ? s_linear.Any(k => key.StartsWith(k, StringComparison.Ordinal))
        : !s_frozen.Any(k => key.StartsWith(k, StringComparison.Ordinal)) && (text || !key.StartsWith(TextEncoder, StringComparison.Ordinal)));

    /// <inheritdoc/>
    public void Freeze() => model.SetRequiresGrad(false);

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeView(RgbImage view, bool prepared)
    {
        using var scope = NewDisposeScope();
        try
        {
            var pixels = prepared ? _processor.Normalize([view], _processor.PaddedSize(view.Size)) : _processor.Preprocess(view).PixelValues;
            return [.. model.EncodeImage(pixels.to(Device)).Select(l => l.MoveToOuterDisposeScope())];
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{e.Message}: leave it out", e);
        }
    }

    /// <inheritdoc/>
    public DetectionTargets Assign(IReadOnlyList<Tensor> features, TrainingView view) => view.Prepared
        ? Assign([.. features.Select(f => new ImageSize((int)f.shape[2], (int)f.shape[3]))], view.Image.Size, view.Image.Size, view.Boxes, view.Classes)
        : Assign(features, view.Image.Size, view.Boxes, view.Classes);

    /// <inheritdoc/>
    public Tensor EncodeHidden(IReadOnlyList<ClassPrompt> classes)
    {
        using var scope = NewDisposeScope();
        return model.EncodeText([GlipCaption.FromClasses([.. classes.Select(c => c.Text)], model.Config.Separator)]).Hidden.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IViewDetector BuildIn(Conditioning conditioning) => new BuiltInCaption(this, conditioning);

    /// <inheritdoc/>
    public (Tensor Regions, IReadOnlyList<int> Classes) Regions(
        IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var assignment = ((Targets)targets).Assignment;
        var state = model.Fuse(features, conditioning.Embeddings, conditioning.Mask!);
        var pixels = cat([.. state.Levels.Select(l => l.permute(0, 2, 3, 1).flatten(1, 2))], 1)[0].to(ScalarType.Float32); // [B, C, H, W] -> [B, HW, C] -> [N, C]
        var objects = assignment.Anchors.Zip(assignment.Boxes).GroupBy(p => p.Second, p => (long)p.First).OrderBy(g => g.Key).ToArray();
        Tensor[] means = [.. objects.Select(g => pixels.index_select(0, tensor(g.ToArray(), device: pixels.device)).mean([0]))];
        var regions = means.Length > 0 ? stack(means) : zeros([0, pixels.shape[1]], device: pixels.device);
        return (regions.MoveToOuterDisposeScope(), [.. objects.Select(g => targets.Classes[g.Key])]);
    }

    /// <inheritdoc/>
    public Tensor ToText(Tensor regions) => model.Head.ToText(regions);

    /// <inheritdoc/>
    public void Save(string folder)
    {
        if (source is null) throw new InvalidOperationException("the model was not loaded from a folder");
        model.SaveFolder(File.Exists(source) ? Path.GetDirectoryName(Path.GetFullPath(source))! : source, folder);
    }
}
