using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Geometry;

/// <summary>Cuts boxes out of maps and resizes them by averaging bilinear samples (<c>torchvision.ops.roi_align</c>; He et al. 2017).</summary>
/// <remarks>
/// Both axes are independent, so that a box is two small matrices around the map. As in torchvision by default, boxes are not shifted by
/// half a pixel, are at least one pixel wide, and get as many samples a cell as it has pixels. Gradients reach the map, not the boxes.
/// </remarks>
static class RoiAlign
{
    /// <summary>The contents of boxes.</summary>
    /// <param name="maps">[B, C, H, W].</param>
    /// <param name="boxes">Left, top, right and bottom in pixels of the map, float64 [B, N, 4] on the CPU.</param>
    /// <param name="size">The side of the result.</param>
    /// <returns>[B, N, C, size, size].</returns>
    public static Tensor Pool(Tensor maps, Tensor boxes, int size)
    {
        using var scope = NewDisposeScope();
        var (batch, count, channels, height, width) = (boxes.shape[0], boxes.shape[1], maps.shape[1], maps.shape[2], maps.shape[3]);
        var edges = boxes.contiguous().data<double>().ToArray();
        var rows = Weights(edges, 1, height, size, maps).view(batch, count * size, height); // [B, N size, H]
        var columns = Weights(edges, 0, width, size, maps).view(batch, count, size, width); // [B, N, size, W]
        var lines = rows.matmul(maps.permute(0, 2, 1, 3).flatten(2)) // [B, H, C W] -> [B, N size, C W]
            .view(batch, count, size * channels, width);
        return lines.matmul(columns.transpose(2, 3)) // [B, N, size C, size]
            .view(batch, count, size, channels, size).permute(0, 1, 3, 2, 4).MoveToOuterDisposeScope();
    }

    // For each box and cell of one axis the share of every pixel, [boxes, size, length].
    static Tensor Weights(double[] edges, int first, long length, int size, Tensor like)
    {
        var weights = new float[edges.Length / 4 * size * length];
        for (var box = 0; box < edges.Length / 4; box++)
        {
            var (from, to) = (edges[(box * 4) + first], edges[(box * 4) + first + 2]);
            var cell = Math.Max(to - from, 1) / size;
            var samples = (int)Math.Ceiling(cell);
            for (var i = 0; i < size; i++)
                for (var s = 0; s < samples; s++)
                    AddSample(weights.AsSpan((int)(((box * size) + i) * length), (int)length), from + (i * cell) + ((s + 0.5) * cell / samples), 1f / samples);
        }

        return tensor(weights, dtype: like.dtype, device: like.device);
    }

    // A sample beyond the pixel that surrounds the map is 0; one inside it takes the border's value.
    static void AddSample(Span<float> pixels, double place, float share)
    {
        if (!(place >= -1 && place <= pixels.Length)) return;
        place = Math.Max(place, 0);
        var low = (int)place;
        if (low >= pixels.Length - 1)
        {
            pixels[^1] += share;
            return;
        }

        var part = (float)(place - low);
        pixels[low] += share * (1 - part);
        pixels[low + 1] += share * part;
    }
}
