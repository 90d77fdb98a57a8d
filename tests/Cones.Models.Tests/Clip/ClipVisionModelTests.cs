using Cones.Models.Clip;
using TorchSharp;
using static Cones.Models.Tests.Clip.ClipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Clip;

public sealed class ClipVisionModelTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(3, 8, 9)]
    [InlineData(4, 8, 8)]
    [InlineData(3, 16, 16)]
    public void An_image_of_another_size_is_refused_with_the_numbers(long channels, long height, long width)
    {
        using var model = WithRandomWeights(new ClipVisionModel(Vision));
        var error = Assert.Throws<ArgumentException>(() => model.Forward(zeros(2, channels, height, width)));
        Assert.Contains("[2,3,8,8]", error.Message);
        Assert.Contains($"[2,{channels},{height},{width}]", error.Message);
        Assert.Throws<ArgumentException>(() => model.Forward(zeros(3, 8, 8)));
        Assert.Throws<ArgumentException>(() => model.Forward(zeros(0, 3, 8, 8)));
    }

    [Fact]
    public void Pixels_beyond_the_last_whole_patch_are_not_seen()
    {
        using var model = WithRandomWeights(new ClipVisionModel(Vision with { ImageSize = 11 }));
        var image = randn(1, 3, 11, 11);
        var output = model.Forward(image);
        Assert.Equal([1, 5, 8], output.LastHiddenState.shape); // class slot and 2 x 2 patches
        var other = image.clone();
        other[.., .., 8.., ..] = 9;
        other[.., .., .., 8..] = 9;
        Assert.True(Same(model.Forward(other).PooledOutput, output.PooledOutput));
        other[.., .., 7, 7] = 9;
        Assert.False(Same(model.Forward(other).PooledOutput, output.PooledOutput));
    }

    [Fact]
    public void A_forward_leaves_its_outputs_and_nothing_else()
    {
        using var model = WithRandomWeights(new ClipVisionModel(Vision, withProjection: true));
        var image = randn(2, 3, 8, 8);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var output = model.Forward(image);
        Assert.Equal([2, 6], output.ImageEmbeds!.shape);
        Assert.Equal(before + output.HiddenStates.Count + 2, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
