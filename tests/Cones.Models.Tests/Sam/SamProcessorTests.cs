using Cones.Models.Imaging;
using Cones.Models.Sam;
using Cones.Models.Tests.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam;

public sealed class SamProcessorTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void An_image_is_resized_to_its_longest_side_and_padded()
    {
        var processor = SamProcessor.FromFolder(ClipTestModels.Golden("sam/model_a"));
        using var batch = processor.Preprocess(RgbImage.Filled(80, 50, new Rgb(255, 0, 0)));
        Assert.Equal([1, 3, 40, 40], batch.PixelValues.shape);
        Assert.Equal(new ImageSize(25, 40), batch.ReshapedSizes[0]);
        Assert.Equal(0, batch.PixelValues[0, 0, 25..].abs().max().item<float>());
        using var large = new SamProcessor().Preprocess(RgbImage.Filled(4, 8, new Rgb(1, 2, 3)));
        Assert.Equal([1, 3, 1024, 1024], large.PixelValues.shape);
    }

    [Fact]
    public void Prompts_follow_the_image()
    {
        var points = SamProcessor.ScalePrompts(tensor(new float[] { 10, 20 }), new ImageSize(50, 80), new ImageSize(25, 40));
        Assert.Equal([5, 10], points.data<float>().ToArray());
        var boxes = SamProcessor.ScalePrompts(tensor(new float[] { 10, 20, 30, 40 }), new ImageSize(100, 50), new ImageSize(50, 100));
        Assert.Equal([20, 10, 60, 20], boxes.data<float>().ToArray());
        Assert.Contains("[3]", Assert.Throws<ArgumentException>(() => SamProcessor.ScalePrompts(zeros(3), new ImageSize(1, 1), new ImageSize(1, 1))).Message);
    }

    [Fact]
    public void Masks_return_without_the_padding()
    {
        // Left half of the resized image on the object, everything in the padding too.
        var low = cat([ones(1, 4, 2), -ones(1, 4, 2)], dim: 2);
        low[0, 2..] = 5;
        var masks = SamProcessor.MasksToImage(low.unsqueeze(0), new ImageSize(20, 40), new ImageSize(8, 16), new ImageSize(16, 16));
        Assert.Equal([1, 1, 20, 40], masks.shape);
        Assert.True((masks[0, 0, ..10, ..16] > 0).all().item<bool>());
        Assert.True((masks[0, 0, ..10, 24..] < 0).all().item<bool>());
        Assert.Contains("17x16", Assert.Throws<ArgumentException>(
            () => SamProcessor.MasksToImage(low, new ImageSize(20, 40), new ImageSize(17, 16), new ImageSize(16, 16))).Message);
    }
}
