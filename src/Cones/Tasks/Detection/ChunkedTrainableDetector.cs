using Cones.Data.Augmentation;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>A <see cref="ChunkedDetector"/> of a detector whose weights can be trained.</summary>
/// <param name="whole">The detector; not owned.</param>
/// <param name="sizes">The number of classes in each caption.</param>
sealed class ChunkedTrainableDetector(ITrainableDetector whole, IReadOnlyList<int> sizes) : ChunkedDetector(whole, sizes), ITrainableDetector
{
    /// <inheritdoc/>
    public AugmentationRecipe Recipe => whole.Recipe;

    /// <inheritdoc/>
    public IReadOnlyList<ParameterGroup> ParameterGroups => whole.ParameterGroups;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EncodeView(RgbImage view, bool prepared) => whole.EncodeView(view, prepared);

    /// <inheritdoc/>
    public DetectionTargets Assign(IReadOnlyList<Tensor> features, TrainingView view) =>
        ForEach(view.Boxes, view.Classes, (boxes, classes) => whole.Assign(features, view with { Boxes = boxes, Classes = classes }));

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(WeightScope scope, bool text) => whole.Unfreeze(scope, text);

    /// <inheritdoc/>
    public void Freeze() => whole.Freeze();

    /// <inheritdoc/>
    public Tensor EncodeHidden(IReadOnlyList<ClassPrompt> classes)
    {
        using var scope = NewDisposeScope();
        return cat([.. Parts(classes).Select(whole.EncodeHidden)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Refuses: the features of an image would have to be kept once for each caption.</summary>
    /// <exception cref="ConesException">Always.</exception>
    public IViewDetector BuildIn(Conditioning conditioning) =>
        throw new ConesException($"the classes need {Sizes.Count} captions of {MaxTokens / Sizes.Count} tokens, a linear probe takes one: name fewer classes (--classes), or use another method");

    /// <inheritdoc/>
    public (Tensor Regions, IReadOnlyList<int> Classes) Regions(
        IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var scope = NewDisposeScope();
        var (regions, places) = (new List<Tensor>(), new List<int>());
        var captions = Captions(classes, conditioning.Embeddings.shape[1]);
        for (var k = 0; k < captions.Count; k++)
        {
            var (found, own) = whole.Regions(features, captions[k].Cut(conditioning), captions[k].Classes, ((Targets)targets).Parts[k]);
            regions.Add(found);
            places.AddRange(own.Select(c => c + captions[k].First));
        }

        return (cat(regions, 0).MoveToOuterDisposeScope(), places);
    }

    /// <inheritdoc/>
    public Tensor ToText(Tensor regions) => whole.ToText(regions);

    /// <inheritdoc/>
    public void Save(string folder) => whole.Save(folder);
}
