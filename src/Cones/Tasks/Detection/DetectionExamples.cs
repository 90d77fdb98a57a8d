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

/// <summary>An image, or its mirror image, with one of the captions that its objects are looked for with.</summary>
/// <param name="Features">The image's features.</param>
/// <param name="Targets">The objects of the caption's classes.</param>
/// <param name="Caption">The caption's place.</param>
/// <param name="Image">The image.</param>
public sealed record DetectionExample(IReadOnlyList<Tensor> Features, DetectionTargets Targets, int Caption, DatasetImage Image);

/// <summary>Images as a search sees them: features and targets, made once.</summary>
public sealed class DetectionExamples : IDisposable
{
    readonly FeatureCache _features;
    readonly List<DatasetImage> _views = [];
    readonly List<DetectionTargets> _targets = [];
    readonly IReadOnlyList<IReadOnlyList<ClassPrompt>> _captions;

    DetectionExamples(FeatureCache features, DetectionDataset dataset, IReadOnlyList<IReadOnlyList<ClassPrompt>> captions) =>
        (_features, Dataset, _captions) = (features, dataset, captions);

    /// <summary>The images.</summary>
    public DetectionDataset Dataset { get; }

    /// <summary>The classes, caption after caption.</summary>
    public IReadOnlyList<ClassPrompt> Classes => [.. _captions.SelectMany(c => c)];

    /// <summary>The number of examples: views times captions.</summary>
    public int Count => _targets.Count;

    /// <summary>SHA-256 of the images' files and boxes, 64 hexadecimal digits.</summary>
    public string Digest { get; private init; } = "";

    /// <summary>The file that features lie in, or null.</summary>
    public string? File => _features.File;

    /// <summary>Encodes the images of a data set, one after the other.</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="captions">The classes of each caption (<see cref="CaptionChunks"/>); boxes of others are background.</param>
    /// <param name="flip">Whether the mirrored images are views too.</param>
    /// <param name="maximumBytes">The most bytes of features to keep in memory.</param>
    /// <param name="folder">Where more go; null for the folder of temporary files.</param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <exception cref="ConesException">An image cannot be read.</exception>
    public static DetectionExamples Create(
        IDetector detector, DetectionDataset dataset, IReadOnlyList<IReadOnlyList<ClassPrompt>> captions, bool flip, long maximumBytes, string? folder, CancellationToken cancellation = default)
    {
        var features = new FeatureCache(maximumBytes, folder, detector.Device);
        try
        {
            var examples = new DetectionExamples(features, dataset, captions) { Digest = DigestOf(dataset) };
            foreach (var image in dataset.Images)
            {
                cancellation.ThrowIfCancellationRequested();
                var pixels = image.Load();
                examples.Add(detector, pixels, image, mirrored: false);
                if (flip) examples.Add(detector, pixels.FlipHorizontal(), image, mirrored: true);
            }

            return examples;
        }
        catch
        {
            features.Dispose();
            throw;
        }
    }

    /// <summary>An example, by views, each with all captions; its features belong to the caller's dispose scope.</summary>
    public DetectionExample this[int index] =>
        new(_features.Read(index / _captions.Count), _targets[index], index % _captions.Count, _views[index / _captions.Count]);

    /// <inheritdoc/>
    public void Dispose() => _features.Dispose();

    void Add(IDetector detector, RgbImage pixels, DatasetImage image, bool mirrored)
    {
        using var scope = NewDisposeScope();
        var features = detector.EncodeImage(pixels);
        foreach (var caption in _captions)
        {
            var (boxes, labels) = Objects(Dataset, image, caption);
            _targets.Add(detector.Assign(features, pixels.Size, mirrored ? [.. boxes.Select(b => b with { X = image.Width - b.Right })] : boxes, labels));
        }

        _features.Add(features);
        _views.Add(image);
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
