using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Views that are encoded whenever they are asked for, with a graph to the weights: for training these. Nothing is kept.</summary>
/// <param name="detector">The detector; not owned.</param>
/// <param name="views">Makes the views. With a recipe every epoch has views of its own, without one the plain views.</param>
public sealed class LiveExamples(IViewDetector detector, ViewMaker views) : IDetectionExamples
{
    readonly int _perImage = views.HasRecipe ? 1 : views.PlainViews;

    /// <inheritdoc/>
    public int Count => views.Dataset.Images.Count * _perImage;

    /// <inheritdoc/>
    public DetectionExample Read(int index, long epoch = 0)
    {
        using var scope = NewDisposeScope();
        var image = index / _perImage;
        var view = views.Make(image, views.HasRecipe ? views.PlainViews + epoch : index % _perImage, views.Dataset.Images[image].Load());
        var features = detector.EncodeView(view.Image, view.Prepared);
        return new DetectionExample([.. features.Select(f => f.MoveToOuterDisposeScope())], detector.Assign(features, view));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is kept.
    }
}
