using Cones.Data;
using Cones.Data.Yolo;
using Cones.Models;

namespace Cones.Tests.Data.Yolo;

public sealed class YoloReaderTests : IDisposable
{
    readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    void Images()
    {
        _folder.Image("train/images/b.jpg", 40, 20);
        _folder.Image("train/images/sub/a.png", 10, 10);
        _folder.Image("val/images/c.png", 10, 10);
        _folder.Text("train/labels/b.txt", "0 0.5 0.5 0.5 1\n\n1 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n");
        _folder.Text("val/labels/c.txt", "1 0.5 0.5 1 1");
    }

    [Theory]
    [InlineData("names: [cat, 'big dog']\nnc: 2\ntrain: train/images\nval: val/images\n")]
    [InlineData("# a comment\npath: .\ntrain: [train/images]\nvalid: val/images\nnames:\n  0: cat\n  1: big dog\n")]
    [InlineData("train: ../train/images\nval: ../val/images\ntest:\nnames:\n- cat\n- big dog\n")]
    [InlineData("train: train.txt\nval: val/images\nnames: {0: cat, 1: big dog}\n")]
    public void A_data_set_is_read_by_its_yaml(string yaml)
    {
        Images();
        _folder.Text("train.txt", "./train/images/b.jpg\ntrain/images/sub/a.png\n");
        _folder.Text("data.yaml", yaml);
        var (dataset, report) = DatasetReader.Read(_folder.Path, options: new DataReadOptions { Checks = DataChecks.Strict });
        Assert.True(report.IsClean);
        Assert.Equal([new DatasetCategory(1, "cat"), new DatasetCategory(2, "big dog")], dataset.Categories);
        Assert.Equal(["train/images/b.jpg", "train/images/sub/a.png"], dataset.Images.Select(i => i.FileName));
        var annotations = dataset.Images[0].Annotations;
        Assert.Equal([new BoundingBox(10, 0, 20, 20), new BoundingBox(10, 5, 20, 10)], annotations.Select(a => a.Box));
        Assert.Equal([1L, 2], annotations.Select(a => a.CategoryId));
        Assert.Equal(200, annotations[1].Area);
        Assert.Equal([10, 5, 30, 5, 30, 15, 10, 15], annotations[1].Segmentation!.Polygons![0]);
        Assert.Empty(dataset.Images[1].Annotations);

        Assert.Equal("val/images/c.png", Assert.Single(YoloReader.Read(_folder["data.yaml"], "val").Dataset.Images).FileName);
    }

    [Fact]
    public void A_plain_folder_needs_names_only()
    {
        _folder.Image("images/a.png", 10, 10);
        _folder.Text("labels/a.txt", "1 0.5 0.5 0.2 0.2");
        _folder.Text("classes.txt", "cat\ndog\n");
        var dataset = DatasetReader.Read(_folder.Path).Dataset;
        Assert.Equal(["cat", "dog"], dataset.CategoryNames);
        Assert.Equal(new BoundingBox(4, 4, 2, 2), Assert.Single(dataset.Images[0].Annotations).Box);
    }

    [Fact]
    public void Labels_may_lie_beside_the_images()
    {
        _folder.Image("a.png", 10, 10);
        _folder.Text("a.txt", "0 0.5 0.5 0.2 0.2");
        _folder.Text("classes.txt", "cat");
        Assert.Equal(1, YoloReader.Read(_folder.Path).Dataset.AnnotationCount);
    }

    [Fact]
    public void Every_broken_line_is_named_counted_and_skipped()
    {
        _folder.Image("images/a.png", 100, 100);
        _folder.Text("images/b.jpg", "no image");
        _folder.Text("labels/b.txt", "0 0.5 0.5 0.1 0.1");
        _folder.Text("labels/a.txt", """
            0 0.5 0.5 0.1 0.1
            zero 0.5 0.5 0.1 0.1
            0 0.5 0.5 0.1
            0 0.1 0.1 0.2 0.2 0.3
            0.5 0.5 0.5 0.1 0.1
            -1 0.5 0.5 0.1 0.1
            7 0.5 0.5 0.1 0.1
            0 50 50 10 10
            0 0.5 nan 0.1 0.1
            0 0.5 0.5 0 0.1
            0 0 0.5 0.9 0.1
            """);
        _folder.Text("data.yaml", "train: images\nnames: [cat]");
        var (dataset, report) = YoloReader.Read(_folder.Path);
        Assert.Equal([new BoundingBox(45, 45, 10, 10), new BoundingBox(0, 45, 45, 10)], Assert.Single(dataset.Images).Annotations.Select(a => new BoundingBox(Math.Round(a.Box.X), Math.Round(a.Box.Y), Math.Round(a.Box.Width), Math.Round(a.Box.Height))));
        Assert.Equal(
            new Dictionary<DataProblemKind, int>
            {
                [DataProblemKind.Malformed] = 3,
                [DataProblemKind.UnknownCategory] = 3,
                [DataProblemKind.InvalidNumber] = 2,
                [DataProblemKind.Empty] = 1,
                [DataProblemKind.BeyondImage] = 1,
                [DataProblemKind.UnreadableImage] = 1,
            }.OrderBy(c => c.Key),
            report.Counts.OrderBy(c => c.Key));
        Assert.Contains(report.Problems, p => p.Message == $"{_folder["labels/a.txt"]}: line 2 has 'zero' where a number is needed: skipped");
        Assert.Throws<DataException>(() => YoloReader.Read(_folder.Path, options: new DataReadOptions { Checks = DataChecks.Strict }));
    }

    [Theory]
    [InlineData("train: images", "has no names")]
    [InlineData("train: images\nnames: [a, b]\nnc: 3", "says nc: 3 but has 2 names")]
    [InlineData("train: images\nnames: {x: a}", "'x: a' in names")]
    [InlineData("names: [a]", "names no images")]
    [InlineData("train: nowhere\nnames: [a]", "there is no")]
    [InlineData("train: images\nnames: [a", "is not valid YAML (line ")]
    [InlineData("- a", "is no YOLO data set")]
    [InlineData("", "is no YOLO data set")]
    public void An_unusable_yaml_is_refused(string yaml, string reason)
    {
        _folder.Image("images/a.png", 10, 10);
        _folder.Text("labels/a.txt", "");
        var error = Assert.Throws<ConesException>(() => YoloReader.Read(_folder.Text("data.yaml", yaml)));
        Assert.StartsWith(_folder["data.yaml"], error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Missing_parts_are_named()
    {
        Assert.Contains("says nothing of its classes", Assert.Throws<ConesException>(() => YoloReader.Read(_folder.Path)).Message);
        _folder.Image("images/a.png", 10, 10);
        _folder.Text("classes.txt", "cat");
        Assert.Contains("has a label file", Assert.Throws<ConesException>(() => YoloReader.Read(_folder.Path)).Message);
        Assert.Contains("no split 'test'", Assert.Throws<ConesException>(() => YoloReader.Read(_folder.Path, "test")).Message);
    }
}
