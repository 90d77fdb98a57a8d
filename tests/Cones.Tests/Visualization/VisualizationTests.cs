using Cones.Data;
using Cones.Data.Masks;
using Cones.Models.Imaging;
using Cones.Visualization;

namespace Cones.Tests.Visualization;

public sealed class VisualizationTests
{
    static readonly Rgb s_grey = new(128, 128, 128);

    static RgbImage Grey(int width, int height) => RgbImage.Filled(width, height, s_grey);

    [Fact]
    public void Colours_are_different_from_each_other_and_stable()
    {
        for (var i = 0; i < 12; i++)
        {
            Assert.Equal(ClassColors.Of(i), ClassColors.Of(i + ClassColors.Count));
            for (var j = 0; j < i; j++) Assert.True(ClassColors.Distance(ClassColors.Of(i), ClassColors.Of(j)) > 0.15, $"{i} and {j}");
        }

        Assert.Equal(ClassColors.Count, Enumerable.Range(0, ClassColors.Count).Select(ClassColors.Of).Distinct().Count());
        // Pictures of different versions can be compared: these never change.
        Assert.Equal([new Rgb(255, 51, 51), new Rgb(0, 0, 255), new Rgb(0, 238, 0)], Enumerable.Range(0, 3).Select(ClassColors.Of));
        Assert.Throws<ArgumentOutOfRangeException>(() => ClassColors.Of(-1));
    }

    [Fact]
    public void Text_stands_out_from_its_label()
    {
        for (var i = 0; i < ClassColors.Count; i++)
            Assert.True(ClassColors.Distance(ClassColors.Of(i), ClassColors.TextOn(ClassColors.Of(i))) > 0.35, $"{i}");
    }

    [Fact]
    public void A_box_is_drawn_on_its_edge_only()
    {
        var image = Grey(600, 500);
        var drawn = DetectionPainter.Draw(image, [new PaintedObject { Box = new BoundingBox(100, 100, 200, 150), Category = 1 }], new PaintOptions { LineWidth = 3 });
        Assert.Equal(image.Size, drawn.Size);
        foreach (var (x, y) in new[] { (100, 170), (299, 170), (200, 100), (200, 249) }) Assert.Equal(ClassColors.Of(1), drawn[x, y]);
        foreach (var (x, y) in new[] { (200, 170), (90, 170), (310, 170), (200, 260) }) Assert.Equal(s_grey, drawn[x, y]);
        Assert.All(image.Pixels, p => Assert.Equal(128, p));
    }

    [Fact]
    public void Dashes_leave_gaps()
    {
        var drawn = DetectionPainter.Draw(Grey(600, 500), [new PaintedObject { Box = new BoundingBox(100, 100, 300, 150), Dashed = true }], new PaintOptions { LineWidth = 3 });
        var edge = Enumerable.Range(110, 200).Select(x => drawn[x, 100]).ToArray();
        Assert.Contains(ClassColors.Of(0), edge);
        Assert.Contains(s_grey, edge);
    }

    [Fact]
    public void A_mask_covers_its_pixels_and_has_an_outline()
    {
        var mask = Segmentation.FromBox(new BoundingBox(100, 100, 200, 150)).ToMask(500, 600);
        var drawn = DetectionPainter.Draw(Grey(600, 500), [new PaintedObject { Mask = mask, Category = 2 }], new PaintOptions { MaskOpacity = 0.5 });
        var color = ClassColors.Of(2);
        Assert.Equal(new Rgb(Mean(color.R), Mean(color.G), Mean(color.B)), drawn[200, 170]);
        Assert.Equal(color, drawn[100, 170]);
        Assert.Equal(s_grey, drawn[99, 170]);

        static byte Mean(byte value) => (byte)Math.Round(128 + ((value - 128) * 0.5));
    }

    [Theory]
    [InlineData(40, 30)]
    [InlineData(640, 480)]
    [InlineData(3000, 2000)]
    public void Labels_are_legible_on_pictures_of_any_size(int width, int height)
    {
        var drawn = DetectionPainter.Draw(Grey(width, height), [new PaintedObject { Box = new BoundingBox(width * 0.2, height * 0.5, width * 0.6, height * 0.4), Label = "cat", Score = 0.97, Category = 0 }]);
        Assert.True(Math.Max(drawn.Width, drawn.Height) >= 480);
        Assert.Equal(0, drawn.Width % width);
        // Above the box: a field of the class's colour, with text in it.
        var rows = Enumerable.Range(0, drawn.Height / 2).Where(y => Row(y).Contains(ClassColors.Of(0))).ToArray();
        Assert.True(rows.Length >= 14, $"{rows.Length} rows");
        var text = Enumerable.Range(0, drawn.Height / 2).Count(y => Row(y).Contains(Rgb.White));
        Assert.InRange(text, 8, drawn.Height / 10);

        IEnumerable<Rgb> Row(int y) => Enumerable.Range(0, drawn.Width).Select(x => drawn[x, y]);
    }

    [Fact]
    public void Labels_do_not_cover_each_other()
    {
        var boxes = Enumerable.Range(0, 4).Select(i => new PaintedObject { Box = new BoundingBox(200, 200, 200 + i, 100 + i), Label = $"class {i}", Category = i }).ToArray();
        var drawn = DetectionPainter.Draw(Grey(800, 600), boxes, new PaintOptions { TextHeight = 12 });
        // Fields of about the same size for every class.
        var areas = Enumerable.Range(0, 4).Select(i => Count(drawn, ClassColors.Of(i))).ToArray();
        Assert.All(areas, a => Assert.True(a > 700, string.Join(",", areas)));

        static int Count(RgbImage image, Rgb color)
        {
            var count = 0;
            for (var y = 0; y < image.Height; y++)
                for (var x = 0; x < image.Width; x++)
                    if (image[x, y] == color) count++;
            return count;
        }
    }

    [Fact]
    public void Any_text_can_be_drawn()
    {
        var all = string.Concat(Enumerable.Range(32, 95).Select(c => (char)c)) + "éß漢\n";
        var drawn = DetectionPainter.Draw(Grey(900, 100), [new PaintedObject { Box = new BoundingBox(0, 50, 900, 40), Label = all }]);
        Assert.Contains(Rgb.White.R, drawn.Pixels);
        Assert.Equal(Drawn("cafe"), Drawn("café"));
        Assert.NotEqual(Drawn("cafe"), Drawn("cafd"));

        static byte[] Drawn(string label) => DetectionPainter.Draw(Grey(500, 100), [new PaintedObject { Box = new BoundingBox(0, 50, 90, 40), Label = label }]).Pixels;
    }

    [Fact]
    public void The_surest_are_on_top_whatever_the_order()
    {
        PaintedObject[] objects =
        [
            new() { Box = new BoundingBox(100, 100, 200, 200), Score = 0.9, Category = 0 },
            new() { Box = new BoundingBox(100, 100, 200, 200), Score = 0.3, Category = 1 },
        ];
        var options = new PaintOptions { LineWidth = 3, Labels = false };
        var drawn = DetectionPainter.Draw(Grey(600, 500), objects, options);
        Assert.Equal(ClassColors.Of(0), drawn[100, 200]);
        Assert.Equal(drawn.Pixels, DetectionPainter.Draw(Grey(600, 500), [objects[1], objects[0]], options).Pixels);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.Throws<ArgumentException>(() => DetectionPainter.Draw(Grey(6, 5), [new PaintedObject { Mask = new RleMask(6, 5, [30u]) }]));
        Assert.Throws<ArgumentException>(() => DetectionPainter.Draw(Grey(6, 5), [new PaintedObject { Box = new BoundingBox(0, double.NaN, 1, 1) }]));
        Assert.Throws<ArgumentException>(() => DetectionPainter.Draw(Grey(6, 5), [new PaintedObject { Box = new BoundingBox(0, 0, 1, 1), Score = double.NaN }]));
        DetectionPainter.Draw(Grey(600, 500), [new PaintedObject { Box = new BoundingBox(-50, -50, 5000, 10), Label = "far", Score = 1 }]);
    }

    [Fact]
    public void A_data_sets_image_is_drawn_with_its_classes()
    {
        var annotation = new DatasetAnnotation { Id = 1, CategoryId = 8, Box = new BoundingBox(100, 100, 200, 200), Area = 1, Segmentation = Segmentation.FromBox(new BoundingBox(100, 100, 200, 200)) };
        var image = new DatasetImage { Id = 1, FileName = "a", Width = 600, Height = 500, Annotations = [annotation, annotation with { Id = 2, CategoryId = 99 }] };
        var drawn = DetectionPainter.Draw(new DetectionDataset([new(5, "a"), new(8, "b")], [image]), image, Grey(600, 500));
        Assert.Equal(ClassColors.Of(1), drawn[100, 200]);
        Assert.NotEqual(s_grey, drawn[200, 200]);
    }
}
