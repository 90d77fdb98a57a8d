using Cones.Data;
using Cones.Models.Imaging;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>Boxes that are too large, as hurried hands and weak detectors draw them: each side lies outwards by a random share of the box's side.</summary>
static class LooseBoxes
{
    /// <summary>Loosens boxes; everything follows from the seed.</summary>
    /// <param name="boxes">The boxes in pixels.</param>
    /// <param name="margin">The largest share of its side by which a box grows on each side; 0 changes nothing.</param>
    /// <param name="size">The image's size, which no box leaves.</param>
    /// <param name="seed">The seed of the shares.</param>
    public static IReadOnlyList<BoundingBox> Of(IReadOnlyList<BoundingBox> boxes, double margin, ImageSize size, ulong seed)
    {
        if (margin == 0 || boxes.Count == 0) return boxes;
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed, CPU);
        var shares = rand([boxes.Count, 4], generator: generator).data<float>().ToArray();
        return [.. boxes.Select((b, i) => Grown(b, margin, shares.AsSpan(4 * i, 4)).ClipTo(size.Width, size.Height) is { HasExtent: true } grown ? grown : b)];
    }

    /// <summary>The seed of an image's boxes when masks are judged: the same boxes for every concept.</summary>
    public static ulong SeedOf(long imageId) => SeedSequence.Derive(0, "box_margin", imageId);

    static BoundingBox Grown(BoundingBox box, double margin, ReadOnlySpan<float> shares)
    {
        var (x, y) = (margin * box.Width, margin * box.Height);
        return BoundingBox.FromCorners(box.X - (x * shares[0]), box.Y - (y * shares[1]), box.Right + (x * shares[2]), box.Bottom + (y * shares[3]));
    }
}
