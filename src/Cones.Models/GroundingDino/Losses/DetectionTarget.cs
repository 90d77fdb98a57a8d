using Cones.Models.Imaging;
using Cones.Models.Layers;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Losses;

/// <summary>What is to be found in one image.</summary>
/// <param name="Boxes">[G, 4], float: (cx, cy, w, h) in 0..1 of the image without padding; G may be 0.</param>
/// <param name="PositiveMap">[G, T], any type: non-zero for the tokens of each box's phrase.</param>
/// <param name="ImageSize">The image's size in pixels, as the model got it, without padding.</param>
public sealed record DetectionTarget(Tensor Boxes, Tensor PositiveMap, ImageSize ImageSize)
{
    /// <summary>G.</summary>
    public long Count => Boxes.shape[0];

    internal void Check(long tokens)
    {
        if (Boxes.dim() != 2 || Boxes.shape[1] != 4) throw new ArgumentException($"the boxes must be [G,4], not {ShapeCheck.Text(Boxes.shape)}");
        if (PositiveMap.dim() != 2 || PositiveMap.shape[0] != Count || PositiveMap.shape[1] != tokens)
            throw new ArgumentException($"the positive map must be [{Count},{tokens}], not {ShapeCheck.Text(PositiveMap.shape)}");
        if (ImageSize.Height < 1 || ImageSize.Width < 1) throw new ArgumentException($"the image is {ImageSize.Height} x {ImageSize.Width} pixels");
    }
}
