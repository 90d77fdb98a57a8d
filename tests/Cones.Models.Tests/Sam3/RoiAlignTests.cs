using Cones.Models.Sam3.Geometry;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam3;

public sealed class RoiAlignTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Cells_are_the_means_of_samples_between_pixels()
    {
        // A ramp of 10 y + x: bilinear samples are exact inside it.
        var map = ((arange(6).unsqueeze(1) * 10) + arange(8)).to(ScalarType.Float32).view(1, 1, 6, 8);
        // 4 wide and 3 high, 2 cells each: cells of 2 x 1.5 pixels with 2 x 2 samples, whose mean is the cell's centre.
        var cells = RoiAlign.Pool(map, Box(1, 2, 5, 5), 2);
        Assert.Equal([1, 1, 1, 2, 2], cells.shape);
        Assert.Equal([29.5f, 31.5f, 44.5f, 46.5f], cells.data<float>().ToArray());
    }

    [Fact]
    public void Boxes_are_at_least_a_pixel_and_samples_outside_are_zero_or_of_the_border()
    {
        var map = arange(16, dtype: ScalarType.Float32).view(1, 1, 4, 4);
        Assert.Equal(7.5f, RoiAlign.Pool(map, Box(1, 1, 1, 0), 1).item<float>()); // the centre (1.5, 1.5) of one pixel
        Assert.Equal(15, RoiAlign.Pool(map, Box(3.2, 3.2, 4.2, 4.2), 1).item<float>()); // (3.7, 3.7)
        Assert.Equal(0, RoiAlign.Pool(map, Box(-1, -1, 0, 0), 1).item<float>()); // (-0.5, -0.5)
        Assert.Equal(0, RoiAlign.Pool(map + 1, Box(5, 5, 7, 7), 1).item<float>());
        Assert.Equal(0, RoiAlign.Pool(map + 1, Box(double.NaN, 0, 1, 1), 1).item<float>());
        // Two of four samples lie beyond -1: the rest is the border's value of 1.
        Assert.Equal(0.5f, RoiAlign.Pool(ones(1, 1, 4, 4), Box(-2, 0, 0, 1), 1).item<float>());
    }

    [Fact]
    public void Every_image_has_its_own_boxes_and_gradients_reach_the_maps()
    {
        var maps = randn(2, 3, 5, 4).requires_grad_();
        var boxes = cat([Box(0, 0, 2, 2), Box(1, 1, 3, 4)], dim: 0).view(2, 1, 4);
        var pooled = RoiAlign.Pool(maps, boxes, 2);
        Assert.True(pooled[1, 0].allclose(RoiAlign.Pool(maps[1..], boxes[1..], 2)[0, 0]));
        var gradient = autograd.grad([pooled.sum()], [maps])[0];
        // Every cell is a mean: its pixels' shares are 1 altogether.
        Assert.True(gradient.sum([2, 3]).allclose(full(2, 3, 4f)));
        Assert.Equal(0, gradient[0, 0, 3..].abs().max().item<float>());
    }

    static Tensor Box(double left, double top, double right, double bottom) => tensor(new[] { left, top, right, bottom }).view(1, 1, 4);
}
