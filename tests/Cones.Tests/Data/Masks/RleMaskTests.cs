using Cones.Data;
using Cones.Data.Masks;
using Cones.Models.Imaging;
using CsCheck;

namespace Cones.Tests.Data.Masks;

public sealed class RleMaskTests
{
    static readonly Gen<(int Height, int Width, byte[] Pixels)> s_pixels =
        from height in Gen.Int[1, 9]
        from width in Gen.Int[1, 9]
        from density in Gen.Int[0, 4]
        from values in Gen.Int[0, 3].Array[height * width]
        select (height, width, Array.ConvertAll(values, v => (byte)(v < density ? 1 : 0)));

    [Fact]
    public void Encoding_and_the_compressed_string_lose_nothing() => s_pixels.Sample(p =>
    {
        var mask = RleMask.Encode(p.Height, p.Width, p.Pixels);
        Assert.Equal(p.Pixels, mask.Decode());
        Assert.Equal(p.Pixels.Count(v => v != 0), mask.Area);
        Assert.Equal(mask.Counts, RleMask.FromCompressed(p.Height, p.Width, mask.ToCompressed()).Counts);
    });

    [Fact]
    public void The_box_is_the_smallest_around_the_pixels() => s_pixels.Sample(p =>
    {
        var inside = Enumerable.Range(0, p.Pixels.Length).Where(i => p.Pixels[i] != 0).Select(i => (X: i % p.Width, Y: i / p.Width)).ToArray();
        var expected = inside.Length == 0
            ? default
            : BoundingBox.FromCorners(inside.Min(i => i.X), inside.Min(i => i.Y), inside.Max(i => i.X) + 1, inside.Max(i => i.Y) + 1);
        Assert.Equal(expected, RleMask.Encode(p.Height, p.Width, p.Pixels).Box);
    });

    [Fact]
    public void Merging_and_overlaps_agree_with_the_pixels() => Gen.Select(s_pixels, Gen.Int[0, 1000]).Sample((p, seed) =>
    {
        var random = new Random(seed);
        var other = p.Pixels.Select(v => (byte)(random.Next(3) == 0 ? 1 - v : v)).ToArray();
        var (a, b) = (RleMask.Encode(p.Height, p.Width, p.Pixels), RleMask.Encode(p.Height, p.Width, other));
        var either = p.Pixels.Zip(other, (x, y) => (byte)(x | y)).ToArray();
        var both = p.Pixels.Zip(other, (x, y) => (byte)(x & y)).ToArray();
        Assert.Equal(either, RleMask.Merge([a, b]).Decode());
        Assert.Equal(both, RleMask.Merge([a, b], intersect: true).Decode());
        var union = either.Count(v => v != 0);
        Assert.Equal(union == 0 ? 0 : (double)both.Count(v => v != 0) / union, a.Iou(b));
    });

    [Fact]
    public void Runs_must_add_up_to_the_pixels()
    {
        var error = Assert.Throws<ArgumentException>(() => new RleMask(2, 3, [1u, 2u]));
        Assert.Contains("3 pixels", error.Message);
        Assert.Contains("2x3 are 6", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new RleMask(0, 3, [0u]));
    }

    [Theory]
    [InlineData("")] // no run
    [InlineData("1")] // too few pixels
    [InlineData("o")] // cut off
    [InlineData("!5")] // not in the alphabet
    [InlineData("oooooooooooooooooo")] // endless
    [InlineData("O")] // -1
    public void A_damaged_string_is_refused(string text) =>
        Assert.Throws<FormatException>(() => RleMask.FromCompressed(4, 4, text));

    [Fact]
    public void Masks_of_different_sizes_are_not_compared()
    {
        var (a, b) = (new RleMask(2, 3, [6u]), new RleMask(3, 2, [6u]));
        Assert.Throws<ArgumentException>(() => a.Iou(b));
        Assert.Throws<ArgumentException>(() => RleMask.Merge([a, b]));
        Assert.Throws<ArgumentException>(() => RleMask.Merge([]));
        Assert.Throws<ArgumentException>(() => RleMask.Encode(2, 2, new byte[3]));
    }

    [Fact]
    public void Flipped_cropped_and_resized_masks_are_those_of_the_pixels() => Gen.Select(s_pixels, Gen.Int[1, 14], Gen.Int[1, 14], Gen.Int[0, 1000]).Sample((p, height, width, seed) =>
    {
        var mask = RleMask.Encode(p.Height, p.Width, p.Pixels);
        var outline = Segmentation.FromMask(mask);
        var size = new ImageSize(p.Height, p.Width);
        var image = mask.ToImage();

        var flipped = outline.FlipHorizontal(size).Mask!;
        Assert.Equal(image.ToImage().FlipHorizontal().Pixels, flipped.ToImage().ToImage().Pixels);

        var resized = outline.Resize(size, new ImageSize(height, width)).Mask!;
        Assert.Equal(image.Resize(width, height).Values, resized.ToImage().Values);

        var random = new Random(seed);
        var (partWidth, partHeight) = (random.Next(1, p.Width + 1), random.Next(1, p.Height + 1));
        var (x, y) = (random.Next(p.Width - partWidth + 1), random.Next(p.Height - partHeight + 1));
        var part = outline.Crop(size, x, y, new ImageSize(partHeight, partWidth)).Mask!;
        Assert.Equal(image.ToImage().Crop(x, y, partWidth, partHeight).Pixels, part.ToImage().ToImage().Pixels);
    });
}
