using Cones.Models.Glip.Configuration;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Detection;

/// <summary>The anchors of all levels: one box a cell, in pixels of the padded image (<c>make_anchor_generator_complex</c>).</summary>
/// <remarks>Held in managed memory: they depend on the image's size only and may be kept.</remarks>
public sealed class GlipAnchors
{
    readonly float[] _boxes;

    GlipAnchors(float[] boxes, IReadOnlyList<int> levelCounts)
    {
        _boxes = boxes;
        LevelCounts = levelCounts;
    }

    /// <summary>The anchors of each level, P3 to P7.</summary>
    public IReadOnlyList<int> LevelCounts { get; }

    /// <summary>The anchors of all levels, N.</summary>
    public int Count => _boxes.Length / 4;

    /// <summary>x1, y1, x2, y2 of each anchor, level by level, row by row: 4 N numbers. Both corners belong to the box.</summary>
    public ReadOnlySpan<float> Boxes => _boxes;

    /// <summary>The anchors of levels of the sizes given.</summary>
    /// <exception cref="ArgumentException">The number of levels differs.</exception>
    public static GlipAnchors Create(GlipAnchorConfig config, IReadOnlyList<ImageSize> levels)
    {
        if (levels.Count != config.Sizes.Count) throw new ArgumentException($"{levels.Count} levels given, there are anchors for {config.Sizes.Count}", nameof(levels));
        var boxes = new float[4 * levels.Sum(l => l.Height * l.Width)];
        var at = 0;
        for (var level = 0; level < levels.Count; level++)
        {
            var stride = config.Strides[level];
            var (width, height) = Extent(config.Sizes[level], stride, config.AspectRatio);
            var center = (stride - 1) / 2.0;
            for (var y = 0; y < levels[level].Height; y++)
                for (var x = 0; x < levels[level].Width; x++)
                {
                    boxes[at++] = (float)(center + (stride * x) - ((width - 1) / 2));
                    boxes[at++] = (float)(center + (stride * y) - ((height - 1) / 2));
                    boxes[at++] = (float)(center + (stride * x) + ((width - 1) / 2));
                    boxes[at++] = (float)(center + (stride * y) + ((height - 1) / 2));
                }
        }

        return new GlipAnchors(boxes, [.. levels.Select(l => l.Height * l.Width)]);
    }

    /// <summary>The anchors of an image of the size given (padded): each level has a cell for every stride, rounded up.</summary>
    public static GlipAnchors Create(GlipAnchorConfig config, ImageSize image) =>
        Create(config, [.. config.Strides.Select(s => new ImageSize((image.Height + s - 1) / s, (image.Width + s - 1) / s))]);

    /// <summary>The anchors as float32 [N, 4].</summary>
    public Tensor ToTensor() => tensor(_boxes, [Count, 4]);

    // A cell-sized box is brought to the aspect ratio, rounded to whole pixels, then enlarged.
    static (double Width, double Height) Extent(double size, int stride, double ratio)
    {
        var width = Math.Round(Math.Sqrt(stride * (double)stride / ratio), MidpointRounding.ToEven);
        var height = Math.Round(width * ratio, MidpointRounding.ToEven);
        return (width * size / stride, height * size / stride);
    }
}
