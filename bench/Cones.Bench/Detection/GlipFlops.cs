using Cones.Models.Glip.Configuration;

namespace Cones.Bench.Detection;

/// <summary>
/// Floating-point operations (2 x multiply-adds) of GLIP's head in a step that learns the text's embedding: forward, and backward
/// through activations. The image backbone is not in it: its output is kept.
/// </summary>
sealed class GlipFlops
{
    /// <summary>Counts an image whose levels have the pixels given.</summary>
    public GlipFlops(GlipConfig config, IReadOnlyList<long> levels, long tokens)
    {
        var head = config.Head;
        double pixels = levels.Sum(), channels = head.Channels, width = head.FusionWidth, textWidth = config.Bert.HiddenSize;
        var coarser = (double)levels.Skip(1).Sum();

        // Forward only costs once; a product of two activations costs twice in the backward pass, one with weights once.
        var projections = 3 * pixels * channels * width;
        var attention = 3 * pixels * tokens * width;
        var textProjections = 3 * tokens * textWidth * width;
        var intoImageSpace = 3.0 * tokens * channels * width;
        var throughImageSpace = 3 * pixels * tokens * head.FusionHeads * channels;
        var textLayer = tokens * textWidth * ((4 * textWidth) + (2 * config.Bert.IntermediateSize));
        var convolutions = (pixels + (2 * coarser)) * 9 * channels * channels;
        var offsets = pixels * 9 * channels * 27;

        var shared = (2 * (textProjections + textLayer + convolutions)) + (2 * pixels * channels * tokens / head.Layers);
        Convolution = 2 * head.Layers * 2 * offsets;
        Published = Convolution + (2 * head.Layers * (shared + (2 * projections) + (3 * attention)));
        Gemm = 2 * head.Layers * (shared + (2 * intoImageSpace) + (3 * throughImageSpace));
    }

    /// <summary>With image and text attending to each other as published: three projections of all pixels.</summary>
    public double Published { get; }

    /// <summary>The products that are made here, those of deformable convolutions with them.</summary>
    public double Gemm { get; }

    /// <summary>Plain convolutions: those that say where the deformable ones read.</summary>
    public double Convolution { get; }

    /// <summary>All that is done here.</summary>
    public double Total => Gemm + Convolution;
}
