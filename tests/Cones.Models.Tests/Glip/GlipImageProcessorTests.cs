using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

public sealed class GlipImageProcessorTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Images_are_padded_with_zeros_to_a_common_size()
    {
        var processor = new GlipImageProcessor(new GlipInputConfig { MinSize = 20, MaxSize = 60 });
        var batch = processor.Preprocess(RgbImage.Filled(40, 20, Rgb.White), RgbImage.Filled(10, 20, Rgb.White));
        Assert.Equal([2, 3, 64, 64], batch.PixelValues.shape);
        Assert.Equal([new ImageSize(20, 40), new ImageSize(40, 20)], batch.ReshapedSizes);
        Assert.Equal(20 * 40, batch.PixelMask[0].sum().item<long>());
        Assert.Equal(0, batch.PixelValues[0].narrow(1, 20, 44).abs().sum().item<float>());
        Assert.Equal((255 - 103.53f) / 57.375f, batch.PixelValues[0, 0, 0, 0].item<float>(), 1e-5f); // blue comes first
    }

    [Fact]
    public void The_order_and_range_of_channels_follow_the_format()
    {
        var image = RgbImage.Filled(4, 4, new Rgb(255, 0, 0));
        var input = new GlipInputConfig { Bgr = false, To255 = false, Mean = [0.5, 0, 0], Std = [0.5, 1, 1] };
        var pixels = new GlipImageProcessor(input).Normalize([image], image.Size);
        Assert.Equal([1, 0, 0], pixels[0].select(1, 0).select(1, 0).data<float>().ToArray());
    }

    [Fact]
    public void Without_divisibility_the_largest_image_sets_the_size()
    {
        var processor = new GlipImageProcessor(new GlipInputConfig { MinSize = 20, MaxSize = 60, SizeDivisibility = 0 });
        Assert.Equal([1, 3, 20, 31], processor.Preprocess(RgbImage.Filled(31, 20, Rgb.White)).PixelValues.shape);
    }

    [Fact]
    public void Images_that_are_too_narrow_are_refused()
    {
        var e = Assert.Throws<ArgumentException>(() => GlipImageProcessor.ResizedSize(new ImageSize(1, 4000), 800, 1333));
        Assert.Contains("1x4000", e.Message);
        Assert.Throws<ArgumentException>(() => new GlipImageProcessor(new GlipInputConfig()).Preprocess());
    }
}
