using Cones.Models.Sam;

namespace Cones.Bench.Segmentation;

/// <summary>Floating-point operations of SAM's image encoder for one image, 2 for a multiply-add, counted from shapes.</summary>
/// <remarks>Windows are counted without what is added to fill them.</remarks>
sealed class SamFlops
{
    public SamFlops(SamVisionConfig c)
    {
        double tokens = (double)c.GridSize * c.GridSize;
        var linear = 2.0 * tokens * c.HiddenSize * ((4.0 * c.HiddenSize) + (2 * c.MlpDim)); // qkv, projection, feed-forward
        var patches = 2 * tokens * c.HiddenSize * c.NumChannels * c.PatchSize * c.PatchSize;
        Gemm = (c.NumHiddenLayers * linear) + patches + (2 * tokens * c.HiddenSize * c.OutputChannels);
        Convolution = 2 * tokens * 9 * c.OutputChannels * c.OutputChannels;
        for (var i = 0; i < c.NumHiddenLayers; i++)
        {
            double window = c.WindowOf(i);
            Attention += 4 * tokens * window * window * c.HiddenSize; // scores and mixtures
            Attention += 4 * tokens * window * c.HiddenSize; // relative positions of rows and columns
        }
    }

    /// <summary>Of matrix products outside attention.</summary>
    public double Gemm { get; }

    /// <summary>Of the 3 x 3 convolution.</summary>
    public double Convolution { get; }

    /// <summary>Of attention.</summary>
    public double Attention { get; }

    public double Total => Gemm + Convolution + Attention;
}
