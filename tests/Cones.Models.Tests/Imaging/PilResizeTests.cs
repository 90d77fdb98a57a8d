using Cones.Models.Imaging;
using CsCheck;

namespace Cones.Models.Tests.Imaging;

public sealed class PilResizeTests
{
    static readonly Gen<ResampleFilter> s_filter = Gen.Enum<ResampleFilter>();
    static readonly Gen<(int W, int H, int ToW, int ToH)> s_sizes = Gen.Select(Gen.Int[1, 60], Gen.Int[1, 60], Gen.Int[1, 60], Gen.Int[1, 60]);

    [Fact]
    public void Three_channels_give_what_each_gives_alone() =>
        Gen.Select(s_filter, s_sizes, Gen.Int[1, 1000]).Sample(
            (filter, size, seed) =>
            {
                var image = ImageTestFolder.Pattern(size.W, size.H, seed);
                var resized = image.Resize(size.ToW, size.ToH, filter);
                return Enumerable.Range(0, 3).All(c =>
                {
                    byte[] channel = [.. image.Pixels.Where((_, i) => i % 3 == c)];
                    var alone = PilResize.Resize(channel, size.W, size.H, 1, size.ToW, size.ToH, filter);
                    return alone.AsSpan().SequenceEqual([.. resized.Pixels.Where((_, i) => i % 3 == c)]);
                });
            },
            iter: 300,
            seed: "0000KGXGxGk4");

    [Fact]
    public void An_image_of_one_colour_stays_so() =>
        Gen.Select(s_filter, s_sizes, Gen.Byte).Sample(
            (filter, size, value) => RgbImage.Filled(size.W, size.H, new Rgb(value, 0, 255)).Resize(size.ToW, size.ToH, filter).Pixels
                .AsSpan().SequenceEqual(RgbImage.Filled(size.ToW, size.ToH, new Rgb(value, 0, 255)).Pixels),
            iter: 300,
            seed: "0000KGXGxGk4");

    [Fact]
    public void The_same_size_gives_a_copy()
    {
        var image = ImageTestFolder.Pattern(9, 4);
        foreach (var filter in Enum.GetValues<ResampleFilter>())
        {
            var copy = image.Resize(9, 4, filter);
            Assert.Equal(image.Pixels, copy.Pixels);
            Assert.NotSame(image.Pixels, copy.Pixels);
        }
    }

    [Fact]
    public void Halving_averages_with_the_box() =>
        Assert.Equal([25, 26, 27], new RgbImage(2, 2, [10, 0, 0, 20, 2, 54, 30, 100, 0, 40, 2, 54]).Resize(1, 1, ResampleFilter.Box).Pixels);

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        var pixels = new byte[12];
        Assert.Throws<ArgumentException>(() => PilResize.Resize(pixels, 2, 3, 3, 1, 1, ResampleFilter.Box));
        Assert.Throws<ArgumentOutOfRangeException>(() => PilResize.Resize(pixels, 2, 2, 3, 0, 1, ResampleFilter.Box));
        Assert.Throws<ArgumentOutOfRangeException>(() => PilResize.Resize(pixels, 3, 2, 2, 1, 1, ResampleFilter.Box));
        Assert.Throws<ArgumentOutOfRangeException>(() => PilResize.Resize(pixels, 2, 2, 3, 1, 1, (ResampleFilter)6));
    }
}
