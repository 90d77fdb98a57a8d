using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Imaging;

public sealed class BilinearWeightsTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(20, 20, 64, 64)]
    [InlineData(7, 5, 3, 11)]
    [InlineData(1, 4, 6, 1)]
    [InlineData(9, 9, 9, 9)]
    public void It_is_what_interpolate_computes(int height, int width, int toHeight, int toWidth)
    {
        var maps = randn(2, 3, height, width);
        var expected = nn.functional.interpolate(maps.to(ScalarType.Float64), size: [toHeight, toWidth], mode: InterpolationMode.Bilinear, align_corners: false);
        var actual = BilinearWeights.Apply(maps, BilinearWeights.Resize(height, toHeight), BilinearWeights.Resize(width, toWidth));
        Assert.True(actual.to(ScalarType.Float64).allclose(expected, rtol: 1e-6, atol: 1e-6));
    }

    [Fact]
    public void Two_steps_with_a_cut_between_them_are_one()
    {
        var maps = randn(1, 1, 6, 6).to(ScalarType.Float64);
        var large = nn.functional.interpolate(maps, size: [16, 16], mode: InterpolationMode.Bilinear, align_corners: false);
        var expected = nn.functional.interpolate(large[.., .., ..11], size: [25, 30], mode: InterpolationMode.Bilinear, align_corners: false);
        var rows = BilinearWeights.Resize(11, 25).After(BilinearWeights.Resize(6, 16));
        var columns = BilinearWeights.Resize(16, 30).After(BilinearWeights.Resize(6, 16));
        Assert.True(BilinearWeights.Apply(maps, rows, columns).to(ScalarType.Float64).allclose(expected, rtol: 1e-6, atol: 1e-6));
    }
}
