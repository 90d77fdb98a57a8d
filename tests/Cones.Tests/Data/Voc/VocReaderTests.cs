using Cones.Data;
using Cones.Data.Voc;
using Cones.Models;

namespace Cones.Tests.Data.Voc;

public sealed class VocReaderTests : IDisposable
{
    readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static string Xml(int width, int height, params string[] objects) =>
        $"<annotation><filename>other.jpg</filename><size><width>{width}</width><height>{height}</height><depth>3</depth></size>{string.Concat(objects)}</annotation>";

    static string Object(string name, double x1, double y1, double x2, double y2, string more = "") => FormattableString.Invariant(
        $"<object><name>{name}</name>{more}<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>");

    [Fact]
    public void A_folder_is_read_with_its_names_sorted()
    {
        _folder.Image("JPEGImages/b.jpg", 30, 20);
        _folder.Image("JPEGImages/a.png", 10, 10);
        _folder.Text("Annotations/b.xml", Xml(30, 20, Object("dog", 1, 2, 11, 12.5), Object("cat", 3, 3, 6, 6, "<difficult>1</difficult>")));
        _folder.Text("Annotations/a.xml", Xml(10, 10, Object("cat", 0, 0, 10, 10)));
        var (dataset, report) = DatasetReader.Read(_folder.Path);
        Assert.True(report.IsClean, report.ToString());
        Assert.Equal(["cat", "dog"], dataset.CategoryNames);
        Assert.Equal([(1, "a.png"), (2, "b.jpg")], dataset.Images.Select(i => ((int)i.Id, i.FileName)));
        Assert.Equal(new BoundingBox(1, 2, 10, 10.5), dataset.Images[1].Annotations[0].Box);
        Assert.Equal(105, dataset.Images[1].Annotations[0].Area);
        Assert.Equal([1L, 2, 3], dataset.Images.SelectMany(i => i.Annotations).Select(a => a.Id));

        var easy = VocReader.Read(_folder.Path, new VocOptions { IncludeDifficult = false, OneBased = true }).Dataset;
        Assert.Equal(new BoundingBox(0, 1, 11, 11.5), Assert.Single(easy.Images[1].Annotations).Box);
    }

    [Fact]
    public void A_split_names_its_images()
    {
        _folder.Image("JPEGImages/a.png", 10, 10);
        _folder.Text("Annotations/a.xml", Xml(10, 10));
        _folder.Text("Annotations/b.xml", Xml(10, 10));
        _folder.Text("ImageSets/Main/val.txt", "a  1\n\nc -1\n");
        var (dataset, report) = VocReader.Read(_folder.Path, new VocOptions { Split = "val", Categories = ["cat"] });
        Assert.Equal("a.png", Assert.Single(dataset.Images).FileName);
        Assert.Equal(1, report.Count(DataProblemKind.MissingFile));
        Assert.Contains("test.txt does not exist", Assert.Throws<ConesException>(() => VocReader.Read(_folder.Path, new VocOptions { Split = "test" })).Message);
    }

    [Fact]
    public void Every_broken_record_is_named_counted_and_skipped()
    {
        _folder.Image("good.png", 10, 10);
        _folder.Image("size.png", 10, 11);
        _folder.Image("nosize.png", 10, 10);
        _folder.Text("good.xml", Xml(
            10, 10,
            Object("cat", 1, 1, 5, 5), Object("cat", 5, 1, 5, 5), Object("cat", 6, 1, 5, 5), Object("cat", 10, 1, 15, 5), Object("cat", 5, 5, 15, 9),
            "<object><name>cat</name></object>", "<object><bndbox/></object>",
            "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>one</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></object>", Object("dog", 1, 1, 5, 5)));
        _folder.Text("size.xml", Xml(10, 10, Object("cat", 1, 1, 5, 5)));
        _folder.Text("nosize.xml", "<annotation><object/></annotation>");
        _folder.Text("noimage.xml", Xml(10, 10));
        _folder.Text("cut.xml", "<annotation><size>");
        _folder.Text("other.xml", "<html/>");
        _folder.Text("bomb.xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><annotation>&b;</annotation>");
        var (dataset, report) = VocReader.Read(_folder.Path, new VocOptions { Categories = ["cat"] });
        var image = Assert.Single(dataset.Images);
        Assert.Equal([new BoundingBox(1, 1, 4, 4), new BoundingBox(5, 5, 5, 4)], image.Annotations.Select(a => a.Box));
        Assert.Equal(
            new Dictionary<DataProblemKind, int>
            {
                [DataProblemKind.Malformed] = 3,
                [DataProblemKind.MissingValue] = 3,
                [DataProblemKind.InvalidNumber] = 1,
                [DataProblemKind.UnknownCategory] = 1,
                [DataProblemKind.MissingFile] = 1,
                [DataProblemKind.WrongImageSize] = 1,
                [DataProblemKind.Empty] = 2,
                [DataProblemKind.OutsideImage] = 1,
                [DataProblemKind.BeyondImage] = 1,
            }.OrderBy(c => c.Key),
            report.Counts.OrderBy(c => c.Key));
        Assert.Contains(report.Problems, p => p.Message.StartsWith($"{_folder["cut.xml"]}: the file is not valid XML (", StringComparison.Ordinal));
        Assert.Throws<DataException>(() => VocReader.Read(_folder.Path, options: new DataReadOptions { Checks = DataChecks.Strict }));
    }

    [Fact]
    public void A_folder_without_annotations_is_refused() =>
        Assert.Contains("holds no XML file", Assert.Throws<ConesException>(() => VocReader.Read(_folder.Path)).Message);
}
