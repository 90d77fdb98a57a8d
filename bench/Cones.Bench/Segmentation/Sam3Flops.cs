using Cones.Models.Sam3;

namespace Cones.Bench.Segmentation;

/// <summary>Floating-point operations of SAM 3's image encoder for one image, 2 for a multiply-add, counted from shapes.</summary>
sealed class Sam3Flops
{
    public Sam3Flops(Sam3VisionConfig config)
    {
        var c = config.Backbone;
        double tokens = (double)c.GridSize * c.GridSize;
        Gemm = c.NumHiddenLayers * 2.0 * tokens * c.HiddenSize * ((4.0 * c.HiddenSize) + (2 * c.IntermediateSize));
        Gemm += 2 * tokens * c.HiddenSize * c.NumChannels * c.PatchSize * c.PatchSize;
        for (var i = 0; i < c.NumHiddenLayers; i++)
            Attention += 4 * tokens * (c.IsGlobal(i) ? tokens : (double)c.WindowSize * c.WindowSize) * c.HiddenSize;

        // Each level that is used: doublings by 2 x 2 kernels at half the channels, a projection, a 3 x 3 convolution.
        for (var level = 0; level < config.ScaleFactors.Count - 1; level++)
        {
            var (positions, channels) = (tokens, (double)c.HiddenSize);
            for (var scale = config.ScaleFactors[level]; scale > 1; scale /= 2)
            {
                Gemm += 2 * positions * channels * (channels / 2) * 4;
                (positions, channels) = (4 * positions, channels / 2);
            }

            Gemm += 2 * positions * channels * config.FpnHiddenSize;
            Convolution += 2 * positions * 9 * config.FpnHiddenSize * config.FpnHiddenSize;
        }
    }

    /// <summary>Of matrix products outside attention.</summary>
    public double Gemm { get; }

    /// <summary>Of the 3 x 3 convolutions.</summary>
    public double Convolution { get; }

    /// <summary>Of attention.</summary>
    public double Attention { get; }
}
