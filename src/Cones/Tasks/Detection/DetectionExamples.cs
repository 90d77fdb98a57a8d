using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cones.Data;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Images as a search sees them: features and targets, made once.</summary>
public sealed class DetectionExamples : IDisposable
{
    readonly FeatureCache _features;
    readonly List<DetectionTargets> _targets = [];

    DetectionExamples(FeatureCache features) => _features = features;

    /// <summary>The number of views.</summary>
    public int Count => _targets.Count;

    /// <summary>SHA-256 of the images' files and boxes, 64 hexadecimal digits.</summary>
    public string Digest { get; private init; } = "";

    /// <summary>The file that features lie in, or null.</summary>
    public string? File => _features.File;

    /// <summary>Encodes the images of a data set, one after the other.</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="classes">The classes; boxes of others are background.</param>
    /// <param name="flip">Whether the mirrored images are views too.</param>
    /// <param name="maximumBytes">The most bytes of features to keep in memory.</param>
    /// <param name="folder">Where more go; null for the folder of temporary files.</param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <exception cref="ConesException">An image cannot be read.</exception>
    public static DetectionExamples Create(
        IDetector detector, DetectionDataset dataset, IReadOnlyList<ClassPrompt> classes, bool flip, long maximumBytes, string? folder, CancellationToken cancellation = default)
    {
        var features = new FeatureCache(maximumBytes, folder, detector.Device);
        try
        {
            var examples = new DetectionExamples(features) { Digest = DigestOf(dataset) };
            foreach (var image in dataset.Images)
            {
                cancellation.ThrowIfCancellationRequested();
                var pixels = image.Load();
                var (boxes, labels) = Objects(dataset, image, classes);
                examples.Add(detector, pixels, boxes, labels);
                if (flip) examples.Add(detector, pixels.FlipHorizontal(), [.. boxes.Select(b => b with { X = image.Width - b.Right })], labels);
            }

            return examples;
        }
        catch
        {
            features.Dispose();
            throw;
        }
    }

    /// <summary>Features and targets of a view; the features belong to the caller's dispose scope.</summary>
    public (IReadOnlyList<Tensor> Features, DetectionTargets Targets) this[int index] => (_features.Read(index), _targets[index]);

    /// <inheritdoc/>
    public void Dispose() => _features.Dispose();

    void Add(IDetector detector, RgbImage image, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> labels)
    {
        using var scope = NewDisposeScope();
        var features = detector.EncodeImage(image);
        _targets.Add(detector.Assign(features, image.Size, boxes, labels));
        _features.Add(features);
    }

    static (IReadOnlyList<BoundingBox> Boxes, IReadOnlyList<int> Labels) Objects(DetectionDataset dataset, DatasetImage image, IReadOnlyList<ClassPrompt> classes)
    {
        var places = classes.Select((c, i) => (c.Name, i)).ToDictionary(p => p.Name, p => p.i);
        var objects = image.Annotations.Where(a => !a.IsCrowd)
            .Select(a => (a.Box, Class: places.GetValueOrDefault(dataset.Categories[dataset.CategoryIndex(a.CategoryId)].Name, -1)))
            .Where(o => o.Class >= 0).ToArray();
        return ([.. objects.Select(o => o.Box)], [.. objects.Select(o => o.Class)]);
    }

    static string DigestOf(DetectionDataset dataset)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var image in dataset.Images)
        {
            if (image.Path is not null) hash.AppendData(System.IO.File.ReadAllBytes(image.Path));
            foreach (var a in image.Annotations)
            {
                var name = dataset.Categories[dataset.CategoryIndex(a.CategoryId)].Name;
                hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}:{a.Box.X:r},{a.Box.Y:r},{a.Box.Width:r},{a.Box.Height:r},{a.IsCrowd}\n")));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
