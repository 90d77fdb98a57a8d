using Cones.Data;
using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Tests.Data.Masks;

public sealed class SegmentationTests
{
    [Fact]
    public void A_box_covers_its_pixels()
    {
        var mask = Segmentation.FromBox(new BoundingBox(2, 1, 3, 2)).ToMask(5, 8);
        Assert.Equal(new BoundingBox(2, 1, 3, 2), mask.Box);
        Assert.Equal(6, mask.Area);
    }

    [Fact]
    public void Polygons_are_united_and_cut_at_the_border()
    {
        var outline = Segmentation.FromPolygons([[-5, -5, 3, -5, 3, 3, -5, 3], [2, 2, 9, 2, 9, 9, 2, 9]]);
        var mask = outline.ToMask(6, 6);
        Assert.Equal(9 + 16 - 1, mask.Area);
        Assert.Equal(new BoundingBox(0, 0, 6, 6), mask.Box);
    }

    [Fact]
    public void Four_numbers_are_a_box_as_in_pycocotools() =>
        Assert.Equal(Segmentation.FromBox(new BoundingBox(1, 2, 3, 2)).ToMask(9, 9).Counts, Segmentation.FromPolygons([[1, 2, 3, 2]]).ToMask(9, 9).Counts);

    [Fact]
    public void Bad_polygons_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Segmentation.FromPolygons([]));
        Assert.Throws<ArgumentException>(() => Segmentation.FromPolygons([[1, 2]]));
        Assert.Throws<ArgumentException>(() => Segmentation.FromPolygons([[1, 2, 3, 4, 5]]));
        Assert.Throws<ArgumentException>(() => Segmentation.FromPolygons([[1, 2, 3, 4, 5, double.NaN]]));
        Assert.Throws<ArgumentException>(() => Segmentation.FromPolygons([[1, 2, 3, 4, 5, 1e12]]));
    }

    [Fact]
    public void Polygons_move_with_the_image()
    {
        var size = new ImageSize(10, 20);
        var outline = Segmentation.FromPolygons([[2, 1, 6, 1, 6, 4, 2, 4]]);
        Assert.Equal([18, 1, 14, 1, 14, 4, 18, 4], outline.FlipHorizontal(size).Polygons![0]);
        Assert.Equal([4, 0.5, 12, 0.5, 12, 2, 4, 2], outline.Resize(size, new ImageSize(5, 40)).Polygons![0]);
        Assert.Equal([1, -1, 5, -1, 5, 2, 1, 2], outline.Crop(size, 1, 2, new ImageSize(5, 5)).Polygons![0]);
    }
}
