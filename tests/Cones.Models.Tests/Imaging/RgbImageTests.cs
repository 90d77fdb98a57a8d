using Cones.Models.Imaging;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Imaging;

public sealed class RgbImageTests
{
    [Fact]
    public void A_crop_has_the_pixels_of_its_place()
    {
        var image = ImageTestFolder.Pattern(7, 5);
        var part = image.Crop(2, 1, 4, 3);
        for (var y = 0; y < 3; y++)
            for (var x = 0; x < 4; x++)
                Assert.Equal(image[x + 2, y + 1], part[x, y]);
    }

    [Theory]
    [InlineData(-1, 0, 2, 2)]
    [InlineData(0, 0, 8, 2)]
    [InlineData(6, 4, 1, 2)]
    [InlineData(0, 0, 0, 1)]
    [InlineData(1, 1, int.MaxValue, 1)]
    public void A_crop_outside_is_refused(int x, int y, int width, int height) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageTestFolder.Pattern(7, 5).Crop(x, y, width, height));

    [Fact]
    public void A_mirror_image_exchanges_left_and_right()
    {
        var image = ImageTestFolder.Pattern(7, 5);
        var mirrored = image.FlipHorizontal();
        for (var y = 0; y < 5; y++)
            for (var x = 0; x < 7; x++)
                Assert.Equal(image[x, y], mirrored[6 - x, y]);
        Assert.Equal(image.Pixels, mirrored.FlipHorizontal().Pixels);
    }

    [Theory]
    [InlineData(-3, -2)]
    [InlineData(5, 3)]
    [InlineData(-20, 0)]
    [InlineData(0, 20)]
    [InlineData(20, int.MaxValue)]
    [InlineData(2, 1)]
    public void Pasting_changes_what_lies_inside(int left, int top)
    {
        var image = ImageTestFolder.Pattern(7, 5);
        var stamp = ImageTestFolder.Pattern(4, 6, seed: 2);
        var result = image.Crop(0, 0, 7, 5);
        result.Paste(stamp, left, top);
        for (var y = 0; y < 5; y++)
            for (var x = 0; x < 7; x++)
                Assert.Equal(x >= left && y >= top && x - left < 4 && y - top < 6 ? stamp[x - left, y - top] : image[x, y], result[x, y]);
    }

    [Fact]
    public void A_grid_has_rows_columns_and_padding()
    {
        var background = new Rgb(1, 2, 3);
        RgbImage[] images = [.. Enumerable.Range(1, 5).Select(i => RgbImage.Filled(4, 3, new Rgb((byte)(i * 10), 0, 0)))];
        var grid = RgbImage.Grid(images, 3, 2, background);
        Assert.Equal(new ImageSize((2 * 5) + 2, (3 * 6) + 2), grid.Size);
        Assert.Equal(background, grid[1, 1]);
        Assert.Equal(images[0][0, 0], grid[2, 2]);
        Assert.Equal(images[2][0, 0], grid[14, 4]);
        Assert.Equal(images[4][0, 0], grid[8, 7]);
        Assert.Equal(background, grid[14, 7]);
        Assert.Equal(new ImageSize(3, 4), RgbImage.Grid([images[0]], 8, 0).Size);
    }

    [Fact]
    public void Tensors_are_rows_columns_channels()
    {
        var image = ImageTestFolder.Pattern(7, 5);
        using var tensor = image.ToTensor();
        Assert.Equal([5, 7, 3], tensor.shape);
        Assert.Equal(image[4, 2].G, tensor[2, 4, 1].item<byte>());
        using var turned = tensor.transpose(0, 1);
        Assert.Equal(image[4, 2], RgbImage.FromTensor(turned)[2, 4]);
        Assert.Equal(image.Pixels, RgbImage.FromTensor(tensor).Pixels);
    }

    [Fact]
    public void Other_tensors_are_refused()
    {
        using var floats = zeros(2, 2, 3);
        using var planes = zeros([3, 2, 2], dtype: ScalarType.Byte);
        Assert.Throws<ArgumentException>(() => RgbImage.FromTensor(floats));
        Assert.Throws<ArgumentException>(() => RgbImage.FromTensor(planes));
    }

    [Fact]
    public void Sizes_must_fit_the_pixels()
    {
        Assert.Throws<ArgumentException>(() => new RgbImage(2, 2, new byte[11]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RgbImage(0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RgbImage(100_000, 100_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageTestFolder.Pattern(2, 2)[2, 0]);
    }

    [Fact]
    public void A_mask_is_the_alpha_channel_or_else_the_brightness()
    {
        using var folder = new ImageTestFolder();
        var transparent = MaskImage.Load(folder.Write("a.gif", ImageTestFolder.TransparentGif()));
        Assert.Equal([0, 255, 255, 255], transparent.Values);
        new RgbImage(2, 2, [0, 0, 0, 255, 255, 255, 100, 100, 100, 255, 0, 0]).Save(folder.PathOf("b.png"));
        var grey = MaskImage.Load(folder.PathOf("b.png"));
        Assert.Equal([0, 255, 100, 76], grey.Values);
        using var tensor = grey.ToTensor();
        Assert.Equal([2, 2], tensor.shape);
        Assert.Equal([0f, 1f, 100 / 255f, 76 / 255f], tensor.data<float>().ToArray());
        Assert.Equal(grey.Values, MaskImage.FromTensor(tensor).Values);
        Assert.Equal([0, 255, 255, 0], MaskImage.FromTensor(tensor > 0.35).Values);
        Assert.Equal(new Rgb(76, 76, 76), grey.ToImage()[1, 1]);
    }
}
