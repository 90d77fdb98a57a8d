using Cones.Models.Bert;
using Cones.Models.Swin;

namespace Cones.Bench.Detection;

/// <summary>Floating-point operations (2 x multiply-adds) of one forward pass of what stands before a detector's head.</summary>
static class BackboneFlops
{
    /// <summary>Swin on an image: products with weights, and attention within windows.</summary>
    public static double Swin(SwinConfig c, long height, long width)
    {
        var (rows, columns, dim) = (Parts(height, c.PatchSize), Parts(width, c.PatchSize), (double)c.EmbedDim);
        var sum = rows * columns * dim * c.NumChannels * c.PatchSize * c.PatchSize;
        for (var stage = 0; stage < c.Depths.Count; stage++)
        {
            if (stage > 0)
            {
                (rows, columns) = (Parts(rows, 2), Parts(columns, 2));
                sum += rows * columns * (4 * dim) * (2 * dim);
                dim *= 2;
            }

            // Windows are filled up.
            double area = c.WindowSize * c.WindowSize, tokens = Parts(rows, c.WindowSize) * Parts(columns, c.WindowSize) * area;
            sum += c.Depths[stage] * ((tokens * 4 * dim * dim) + (2 * tokens * area * dim) + (rows * columns * 2 * c.MlpRatio * dim * dim));
        }

        return 2 * sum;
    }

    /// <summary>BERT on a caption.</summary>
    public static double Bert(BertConfig c, long tokens) =>
        2.0 * c.NumHiddenLayers * tokens * ((4.0 * c.HiddenSize * c.HiddenSize) + (2.0 * c.HiddenSize * c.IntermediateSize) + (2.0 * tokens * c.HiddenSize));

    /// <summary>A convolution.</summary>
    public static double Convolution(long pixels, long inChannels, long outChannels, int kernel) => 2.0 * pixels * inChannels * outChannels * kernel * kernel;

    static long Parts(long length, int part) => (length + part - 1) / part;
}
