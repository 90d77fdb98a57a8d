using Cones.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Features and targets of views, made once.</summary>
public sealed class DetectionExamples : IDetectionExamples
{
    readonly FeatureCache _features;
    readonly List<DetectionTargets> _targets = [];

    DetectionExamples(FeatureCache features) => _features = features;

    /// <inheritdoc/>
    public int Count => _targets.Count;

    /// <summary>The file that features lie in, or null.</summary>
    public string? File => _features.File;

    /// <summary>The bytes of features in memory.</summary>
    public long MemoryBytes => _features.MemoryBytes;

    /// <summary>Encodes the images of a data set, one after the other.</summary>
    /// <param name="detector">The detector; an <see cref="IViewDetector"/> where a recipe makes views.</param>
    /// <param name="views">Makes the views.</param>
    /// <param name="changed">Views that the recipe makes of each image, beside the plain ones.</param>
    /// <param name="maximumBytes">The most bytes of features to keep in memory.</param>
    /// <param name="folder">Where more go; null for the folder of temporary files.</param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <exception cref="ConesException">An image cannot be read.</exception>
    public static DetectionExamples Create(
        IDetector detector, ViewMaker views, int changed, long maximumBytes, string? folder, CancellationToken cancellation = default)
    {
        var features = new FeatureCache(maximumBytes, folder, detector.Device);
        try
        {
            var examples = new DetectionExamples(features);
            for (var image = 0; image < views.Dataset.Images.Count; image++)
            {
                var pixels = views.Dataset.Images[image].Load();
                for (var view = 0; view < views.PlainViews + changed; view++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    examples.Add(detector, views.Make(image, view, pixels));
                }
            }

            return examples;
        }
        catch
        {
            features.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public DetectionExample Read(int index, long epoch = 0) => new(_features.Read(index), _targets[index]);

    /// <inheritdoc/>
    public void Dispose() => _features.Dispose();

    void Add(IDetector detector, TrainingView view)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var features = view.Prepared ? ((IViewDetector)detector).EncodeView(view.Image, prepared: true) : detector.EncodeImage(view.Image);
        _targets.Add(view.Prepared ? ((IViewDetector)detector).Assign(features, view) : detector.Assign(features, view.Image.Size, view.Boxes, view.Classes));
        _features.Add(features);
    }
}
