using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Vision;

/// <summary>The geometry of the feature maps: which part is image, and where the positions lie in it.</summary>
static class FeatureGrid
{
    // Proposals this close to the border, or larger than the image, are never taken.
    const double Margin = 0.01;

    // The side of a proposal on the finest level, in parts of the image; it doubles from level to level.
    const double ProposalSide = 0.05;

    /// <summary>Samples a mask at a map's resolution (nearest neighbour).</summary>
    /// <param name="pixelMask">[B, H, W], any type; non-zero inside the image.</param>
    /// <param name="level">The map's size.</param>
    /// <returns>[B, h, w], bool.</returns>
    public static Tensor Downsample(Tensor pixelMask, FeatureLevel level)
    {
        using var scope = NewDisposeScope();
        var resized = nn.functional.interpolate(pixelMask.to(ScalarType.Float32).unsqueeze(0), [level.Height, level.Width]);
        return resized.squeeze(0).to(ScalarType.Bool).MoveToOuterDisposeScope();
    }

    /// <summary>The parts of a map's width and height that the image takes, by its first row and column.</summary>
    /// <param name="valid">[B, h, w], bool.</param>
    /// <returns>[B, 2] (width, height), float32.</returns>
    public static Tensor ValidRatio(Tensor valid)
    {
        using var scope = NewDisposeScope();
        var (height, width) = ValidSize(valid);
        return stack([width / valid.shape[2], height / valid.shape[1]], -1).MoveToOuterDisposeScope();
    }

    /// <summary>Each position's place in the image, in the coordinates of every level.</summary>
    /// <param name="levels">The maps' sizes.</param>
    /// <param name="validRatios">[B, levels, 2].</param>
    /// <returns>[B, N, levels, 2] (x, y).</returns>
    public static Tensor ReferencePoints(IReadOnlyList<FeatureLevel> levels, Tensor validRatios)
    {
        using var scope = NewDisposeScope();
        var points = new List<Tensor>();
        for (var l = 0; l < levels.Count; l++)
        {
            var size = tensor(new float[] { levels[l].Width, levels[l].Height }, device: validRatios.device);
            points.Add(Centers(levels[l], validRatios.device).unsqueeze(0) / (validRatios.narrow(1, l, 1) * size)); // [B, h w, 2]
        }

        return (cat(points, 1).unsqueeze(2) * validRatios.unsqueeze(1)).MoveToOuterDisposeScope(); // [B, N, levels, 2]
    }

    /// <summary>A box around each position, as the encoder's proposals are offsets to.</summary>
    /// <param name="levels">The maps' sizes.</param>
    /// <param name="padding">[B, N], bool: true outside the image; null for none.</param>
    /// <param name="batch">B.</param>
    /// <param name="device">Where to make them.</param>
    /// <returns>
    /// [B, N, 4] (cx, cy, w, h) before the sigmoid, infinite where the position cannot be chosen; and which ones can, [B, N, 1].
    /// Both have one row where there is no padding.
    /// </returns>
    public static (Tensor Proposals, Tensor Usable) Proposals(IReadOnlyList<FeatureLevel> levels, Tensor? padding, long batch, Device device)
    {
        using var scope = NewDisposeScope();
        var boxes = new List<Tensor>();
        var start = 0L;
        for (var l = 0; l < levels.Count; l++)
        {
            var level = levels[l];
            var size = padding is null
                ? tensor(new float[] { level.Width, level.Height }, device: device).view(1, 1, 2)
                : SizeInside(padding.narrow(1, start, level.Count).logical_not().view(batch, level.Height, level.Width)).unsqueeze(1);
            var centers = Centers(level, device).unsqueeze(0) / size; // [B, h w, 2]
            boxes.Add(cat([centers, full_like(centers, ProposalSide * Math.Pow(2, l))], -1));
            start += level.Count;
        }

        var proposals = cat(boxes, 1);
        var usable = proposals.gt(Margin).logical_and(proposals.lt(1 - Margin)).all(-1, keepdim: true); // [B, N, 1]
        if (padding is not null) usable = usable.logical_and(padding.unsqueeze(-1).logical_not());
        var logits = (proposals / (1 - proposals)).log().masked_fill(usable.logical_not(), double.PositiveInfinity);
        return (logits.MoveToOuterDisposeScope(), usable.MoveToOuterDisposeScope());
    }

    static Tensor SizeInside(Tensor valid)
    {
        var (height, width) = ValidSize(valid);
        return stack([width, height], -1); // [B, 2]
    }

    static (Tensor Height, Tensor Width) ValidSize(Tensor valid) =>
        (valid.select(2, 0).sum(1, type: ScalarType.Float32), valid.select(1, 0).sum(1, type: ScalarType.Float32)); // [B], [B]

    // The middles of all positions, row by row, in positions: [h w, 2] (x, y).
    static Tensor Centers(FeatureLevel level, Device device)
    {
        var y = arange(level.Height, ScalarType.Float32, device) + 0.5;
        var x = arange(level.Width, ScalarType.Float32, device) + 0.5;
        return stack([x.unsqueeze(0).expand(level.Height, level.Width), y.unsqueeze(1).expand(level.Height, level.Width)], -1).view(-1, 2);
    }
}
