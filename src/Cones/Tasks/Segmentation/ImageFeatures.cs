using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>The features of pictures for one segmenter: from the cache, or, where the image encoder itself is trained, made anew each time.</summary>
/// <param name="segmenter">The segmenter; not owned.</param>
/// <param name="cache">The cache; not owned. Null encodes each time, with a graph to the encoder.</param>
public sealed class ImageFeatures(ISegmenter segmenter, ImageEmbeddingCache? cache)
{
    /// <summary>The features of a picture, in the caller's dispose scope.</summary>
    /// <exception cref="Cones.Models.ConesException">It cannot be read.</exception>
    public IReadOnlyList<Tensor> Of(SegmentationImage image) => cache is null
        ? segmenter.EncodeImage(segmenter.Preprocess(image.Load()))
        : cache.Get(KeyOf(image), () => segmenter.EncodeImage(segmenter.Preprocess(image.Load())));

    /// <summary>The pictures that a cache is to keep and has not yet, each once.</summary>
    public IReadOnlySet<SegmentationImage> Missing(IEnumerable<SegmentationImage> images) =>
        cache is null ? new HashSet<SegmentationImage>() : images.DistinctBy(KeyOf).Where(i => !cache.Has(KeyOf(i))).ToHashSet();

    /// <summary>Makes sure that a picture's features are kept.</summary>
    public void Prepare(SegmentationImage image)
    {
        if (cache is null) return;
        using var scope = NewDisposeScope();
        Of(image);
    }

    string KeyOf(SegmentationImage image) => image.KeyFor(segmenter.ImageFingerprint);
}
