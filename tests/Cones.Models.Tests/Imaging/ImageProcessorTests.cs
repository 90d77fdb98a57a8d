using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Imaging;

public sealed class ImageProcessorTests : IDisposable
{
    readonly ImageTestFolder _folder = new();
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_file_without_options_has_the_defaults_of_its_model()
    {
        var file = Config("{}");
        Assert.Equal(ImageProcessorConfig.Clip, ImageProcessorConfig.ClipFromFile(file));
        Assert.Equal(ImageProcessorConfig.GroundingDino, ImageProcessorConfig.GroundingDinoFromFile(file));
        Assert.Equal(ImageProcessorConfig.Sam, ImageProcessorConfig.SamFromFile(file));
    }

    [Fact]
    public void A_number_as_size_has_the_meaning_of_its_model()
    {
        var file = Config("""{"size": 24, "crop_size": 20, "pad_size": 30, "max_size": 50}""");
        var clip = ImageProcessorConfig.ClipFromFile(file);
        Assert.Equal(new SizeRule { ShortestEdge = 24 }, clip.Size);
        Assert.Equal(new ImageSize(20, 20), clip.CropSize);
        Assert.Equal(new SizeRule { ShortestEdge = 24, LongestEdge = 50 }, ImageProcessorConfig.GroundingDinoFromFile(file).Size);
        var sam = ImageProcessorConfig.SamFromFile(file);
        Assert.Equal(new SizeRule { LongestEdge = 24 }, sam.Size);
        Assert.Equal(new ImageSize(30, 30), sam.PadSize);
    }

    [Theory]
    [InlineData("""{"size": {"height": 3}}""", "size")]
    [InlineData("""{"size": {"shortest_edge": 0}}""", "size")]
    [InlineData("""{"crop_size": {"shortest_edge": 3}}""", "crop_size")]
    [InlineData("""{"resample": 7}""", "resample = 7")]
    [InlineData("""{"image_mean": [0.5]}""", "image_mean has 1")]
    [InlineData("""{"image_std": [0.5, 0, 0.5]}""", "image_std")]
    [InlineData("""{"do_resize": "yes"}""", "do_resize")]
    public void Options_without_meaning_are_refused_by_name(string json, string option)
    {
        var file = Config(json);
        var e = Assert.Throws<ConesException>(() => ImageProcessorConfig.ClipFromFile(file));
        Assert.StartsWith($"{file}: {option}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_follow_their_rule()
    {
        var size = new ImageSize(30, 40);
        Assert.Equal(new ImageSize(15, 20), new SizeRule { MaxHeight = 100, MaxWidth = 20 }.Apply(size));
        Assert.Equal(new ImageSize(7, 9), new SizeRule { Height = 7, Width = 9 }.Apply(size));
        Assert.Equal(size, new SizeRule { ShortestEdge = 30, LongestEdge = 40 }.Apply(size));
        Assert.Throws<ArgumentException>(() => new SizeRule { LongestEdge = 10 }.Apply(new ImageSize(1, 1000)));
        Assert.Throws<ArgumentException>(() => new SizeRule { Height = 3 }.Apply(size));
    }

    [Fact]
    public void A_crop_larger_than_the_image_lies_in_black()
    {
        var config = new ImageProcessorConfig { DoResize = false, DoCenterCrop = true, CropSize = new ImageSize(5, 2), DoNormalize = false };
        var image = ImageTestFolder.Pattern(4, 2);
        var cropped = new ImageProcessor(config).Resize(image);
        Assert.Equal(new ImageSize(5, 2), cropped.Size);
        Assert.Equal(image[1, 0], cropped[0, 2]);
        Assert.Equal(image[2, 1], cropped[1, 3]);
        Assert.All([0, 1, 4], y => Assert.Equal(Rgb.Black, cropped[0, y]));
    }

    [Fact]
    public void Steps_can_be_left_out()
    {
        var image = ImageTestFolder.Pattern(4, 3);
        var plain = new ImageProcessorConfig { DoResize = false, DoRescale = false, DoNormalize = false };
        Assert.Equal(image[2, 1].B, Values(plain, image)[0, 2, 1, 2].item<float>());
        Assert.Equal((float)(image[2, 1].B / 255.0), Values(plain with { DoRescale = true }, image)[0, 2, 1, 2].item<float>());
        Assert.Equal((image[2, 1].B - 0.406f) / 0.225f, Values(plain with { DoNormalize = true }, image)[0, 2, 1, 2].item<float>());
    }

    [Fact]
    public void Padding_is_zero_and_masked()
    {
        var config = new ImageProcessorConfig { DoResize = false, DoPad = true };
        var batch = new ImageProcessor(config).Preprocess(ImageTestFolder.Pattern(4, 3), ImageTestFolder.Pattern(2, 5));
        Assert.Equal([2, 3, 5, 4], batch.PixelValues.shape);
        Assert.Equal([12, 10], batch.PixelMask.sum([1, 2]).data<long>().ToArray());
        Assert.Equal(0, (batch.PixelValues.abs().sum(1) * (1 - batch.PixelMask)).sum().item<float>());
        Assert.Equal([new ImageSize(3, 4), new ImageSize(5, 2)], batch.ReshapedSizes);
    }

    [Fact]
    public void Batches_that_cannot_be_made_are_refused()
    {
        var config = new ImageProcessorConfig { DoResize = false };
        Assert.Throws<ArgumentException>(() => new ImageProcessor(config).Preprocess(ImageTestFolder.Pattern(4, 3), ImageTestFolder.Pattern(2, 5)));
        Assert.Throws<ArgumentException>(() => new ImageProcessor(config).Preprocess());
        Assert.Throws<ArgumentException>(() => new ImageProcessor(config with { DoPad = true, PadSize = new ImageSize(2, 9) }).Preprocess(ImageTestFolder.Pattern(4, 3)));
    }

    [Fact]
    public void Autoencoder_input_and_back_is_the_image()
    {
        var processor = new VaeImageProcessor();
        RgbImage[] images = [ImageTestFolder.Pattern(16, 8), ImageTestFolder.Pattern(16, 8, seed: 2)];
        var input = processor.Preprocess(images);
        Assert.Equal([2, 3, 8, 16], input.shape);
        Assert.Equal((2 * (images[1][5, 3].G / 255f)) - 1, input[1, 1, 3, 5].item<float>(), 1e-6f);
        Assert.All(images.Zip(processor.Postprocess(input)), p => Assert.Equal(p.First.Pixels, p.Second.Pixels));
    }

    [Theory]
    [InlineData(VaeResizeMode.Fill)]
    [InlineData(VaeResizeMode.Crop)]
    [InlineData(VaeResizeMode.Default)]
    public void Every_shape_fits_every_size(VaeResizeMode mode)
    {
        var processor = new VaeImageProcessor(vaeScaleFactor: 1);
        for (var width = 1; width < 20; width += 3)
            for (var height = 1; height < 20; height += 2)
                foreach (var size in new ImageSize[] { new(20, 20), new(21, 40), new(40, 23) })
                    Assert.Equal(size, processor.Resize(ImageTestFolder.Pattern(width, height), size, mode).Size);
    }

    [Fact]
    public void Images_too_small_or_of_different_sizes_are_refused()
    {
        var processor = new VaeImageProcessor();
        Assert.Throws<ArgumentException>(() => processor.Preprocess(ImageTestFolder.Pattern(7, 20)));
        Assert.Throws<ArgumentException>(() => processor.Preprocess([ImageTestFolder.Pattern(8, 8), ImageTestFolder.Pattern(8, 16)]));
        Assert.Equal([2, 3, 8, 8], processor.Preprocess([ImageTestFolder.Pattern(8, 8), ImageTestFolder.Pattern(8, 16)], new ImageSize(8, 8)).shape);
        Assert.Throws<ArgumentException>(() => processor.ToBytes(zeros(1, 4, 8, 8)));
    }

    Tensor Values(ImageProcessorConfig config, RgbImage image) => new ImageProcessor(config).Preprocess(image).PixelValues;

    string Config(string json)
    {
        File.WriteAllText(_folder.PathOf("preprocessor_config.json"), json);
        return _folder.PathOf("preprocessor_config.json");
    }
}
