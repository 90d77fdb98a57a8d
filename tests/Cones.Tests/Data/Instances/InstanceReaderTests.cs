using Cones.Data;
using Cones.Data.Instances;
using Cones.Data.Masks;
using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Tests.Data.Instances;

public sealed class InstanceReaderTests : IDisposable
{
    readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    void Mask(string name, int width, int height, BoundingBox inside)
    {
        var image = new RgbImage(width, height);
        for (var y = (int)inside.Y; y < inside.Bottom; y++)
            for (var x = (int)inside.X; x < inside.Right; x++)
                image[x, y] = Rgb.White;
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        image.Save(_folder[name]);
    }

    [Fact]
    public void A_science_bowl_folder_is_read()
    {
        _folder.Image("b/images/b.png", 12, 8);
        Mask("b/masks/2.png", 12, 8, new BoundingBox(3, 2, 4, 5));
        Mask("b/masks/1.png", 12, 8, new BoundingBox(0, 0, 1, 1));
        _folder.Image("a/images/a.png", 5, 5);
        Directory.CreateDirectory(_folder["a/masks"]);
        var (dataset, report) = DatasetReader.Read(_folder.Path);
        Assert.True(report.IsClean, report.ToString());
        Assert.Equal(["a/images/a.png", "b/images/b.png"], dataset.Images.Select(i => i.FileName));
        Assert.Equal([new BoundingBox(0, 0, 1, 1), new BoundingBox(3, 2, 4, 5)], dataset.Images[1].Annotations.Select(a => a.Box));
        Assert.Equal(20, dataset.Images[1].Annotations[1].Area);
        Assert.Equal(["nucleus"], dataset.CategoryNames);
    }

    [Fact]
    public void Broken_masks_and_images_are_named()
    {
        _folder.Image("a/images/a.png", 12, 8);
        Mask("a/masks/empty.png", 12, 8, default);
        Mask("a/masks/other.png", 8, 12, new BoundingBox(0, 0, 1, 1));
        _folder.Text("a/masks/text.png", "no image");
        Mask("a/masks/good.png", 12, 8, new BoundingBox(0, 0, 1, 1));
        Mask("b/masks/1.png", 12, 8, new BoundingBox(0, 0, 1, 1));
        Directory.CreateDirectory(_folder["b/images"]);
        var (dataset, report) = DsbReader.Read(_folder.Path, "cell");
        Assert.Single(Assert.Single(dataset.Images).Annotations);
        Assert.Equal(
            [DataProblemKind.MissingFile, DataProblemKind.UnreadableImage, DataProblemKind.Empty, DataProblemKind.InvalidSegmentation],
            report.Counts.Keys.Order());
        Assert.Throws<DataException>(() => DsbReader.Read(_folder.Path, options: new DataReadOptions { Checks = DataChecks.Strict }));
        Assert.Throws<ConesException>(() => DsbReader.Read(_folder["a"]));
    }

    [Fact]
    public void Label_images_become_masks_and_come_back()
    {
        ushort[] labels = [0, 2, 2, 700, 0, 2, 700, 700];
        var image = new LabelImage(4, 2, labels);
        var masks = LabelMasks.Split(image);
        Assert.Equal([2, 700], masks.Select(m => m.Label));
        Assert.Equal([3L, 3], masks.Select(m => m.Mask.Area));
        Assert.Equal([0, 1, 1, 2, 0, 1, 2, 2], LabelMasks.Join(4, 2, [.. masks.Select(m => m.Mask)]).Labels);
    }

    [Fact]
    public void A_pixel_of_several_masks_belongs_to_the_first()
    {
        var all = new RleMask(1, 3, [0u, 3u]);
        var middle = new RleMask(1, 3, [1u, 1u, 1u]);
        Assert.Equal([2, 1, 2], LabelMasks.Join(3, 1, [middle, all]).Labels);
        Assert.Equal([1, 1, 1], LabelMasks.Join(3, 1, [all, middle]).Labels);
        Assert.Throws<ArgumentException>(() => LabelMasks.Join(4, 1, [all]));
    }

    [Fact]
    public void Folders_of_images_and_label_images_are_read()
    {
        _folder.Image("images/a.jpg", 4, 2);
        _folder.Image("images/b.jpg", 4, 2);
        _folder.Image("images/c.jpg", 4, 2);
        _folder.Image("images/d.jpg", 4, 2);
        Directory.CreateDirectory(_folder["labels"]);
        new LabelImage(4, 2, [0, 2, 2, 700, 0, 2, 700, 700]).Save(_folder["labels/a.png"]);
        new LabelImage(2, 4, new ushort[8]).Save(_folder["labels/b.png"]);
        _folder.Image("labels/d.png", 4, 2); // colours
        var options = new DataReadOptions { ImageFolder = _folder["images"] };
        var (dataset, report) = LabelImageReader.Read(_folder["labels"], "cell", options);
        var image = Assert.Single(dataset.Images);
        Assert.Equal([new BoundingBox(1, 0, 2, 2), new BoundingBox(2, 0, 2, 2)], image.Annotations.Select(a => a.Box));
        Assert.Equal([DataProblemKind.MissingFile, DataProblemKind.UnreadableImage, DataProblemKind.WrongImageSize], report.Counts.Keys.Order());

        LabelMasks.Join(image).Save(_folder["again.png"]);
        Assert.Equal([0, 1, 1, 2, 0, 1, 2, 2], LabelImage.Load(_folder["again.png"]).Labels);
        Assert.Throws<ConesException>(() => LabelImageReader.Read(_folder["labels"], "cell", new DataReadOptions()));
    }

    [Fact]
    public void An_unknown_folder_is_refused()
    {
        Assert.Contains("no data set that is known", Assert.Throws<ConesException>(() => DatasetReader.Read(_folder.Path)).Message);
        Assert.Contains("does not exist", Assert.Throws<ConesException>(() => DatasetReader.Read(_folder["none"])).Message);
        Assert.Contains("is no data set", Assert.Throws<ConesException>(() => DatasetReader.Read(_folder.Text("a.csv", "1"))).Message);
    }
}
