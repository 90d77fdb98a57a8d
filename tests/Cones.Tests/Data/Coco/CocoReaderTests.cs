using Cones.Data;
using Cones.Data.Coco;
using Cones.Models;

namespace Cones.Tests.Data.Coco;

public sealed class CocoReaderTests : IDisposable
{
    readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_clean_file_is_read_in_any_order_of_its_parts()
    {
        _folder.Image("images/a.png", 20, 10);
        var path = _folder.Text("annotations/train.json", """
            {"info": {"deep": [1, {"x": [2]}]},
             "annotations": [
               {"id": 5, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3.5, 4], "area": 9.5, "iscrowd": 0, "segmentation": [[1, 2, 4, 2, 4, 6]], "extra": {"a": 1}},
               {"id": 6, "image_id": 7, "category_id": 1, "iscrowd": 1, "segmentation": {"size": [10, 20], "counts": [3, 2, 195]}},
               {"id": 7, "image_id": 7, "category_id": 1, "bbox": [0, 0, 2, 2], "segmentation": []}],
             "images": [{"id": 7, "file_name": "a.png", "width": 20, "height": 10}],
             "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}, {"id": 1, "name": "dög"}]}
            """);
        var (dataset, report) = CocoReader.Read(path, new DataReadOptions { Checks = DataChecks.Strict });
        Assert.True(report.IsClean);
        Assert.Equal(["cat", "dög"], dataset.CategoryNames);
        Assert.Equal("animal", dataset.Categories[0].Supercategory);
        var image = Assert.Single(dataset.Images);
        Assert.Equal(20, image.Load().Width);
        Assert.Equal([5L, 6, 7], image.Annotations.Select(a => a.Id));
        Assert.Equal(new BoundingBox(1, 2, 3.5, 4), image.Annotations[0].Box);
        Assert.Equal(9.5, image.Annotations[0].Area);
        Assert.Single(image.Annotations[0].Segmentation!.Polygons!);
        // Box and area of a mask that comes without.
        Assert.True(image.Annotations[1].IsCrowd);
        Assert.Equal(new BoundingBox(0, 3, 1, 2), image.Annotations[1].Box);
        Assert.Equal(2, image.Annotations[1].Area);
        Assert.Null(image.Annotations[2].Segmentation);
        Assert.Equal(4, image.Annotations[2].Area);
    }

    // Image 1 is whole, all others are broken; annotations 1 and 2 are whole.
    string Broken()
    {
        _folder.Image("a.png", 20, 10);
        _folder.Image("small.png", 5, 5);
        _folder.Text("text.png", "no image");
        return _folder.Text("broken.json", """
            {"images": [
               {"id": 1, "file_name": "a.png", "width": 20, "height": 10},
               {"id": 1, "file_name": "again.png", "width": 20, "height": 10},
               {"id": 2, "file_name": "missing.png", "width": 20, "height": 10},
               {"id": 3, "file_name": "small.png", "width": 20, "height": 10},
               {"id": 4, "file_name": "text.png", "width": 20, "height": 10},
               {"id": 5, "file_name": "a.png", "width": 0, "height": 10},
               {"id": 6, "width": 20, "height": 10},
               {"id": 7, "file_name": "a.png"},
               {"id": "eight", "file_name": "a.png", "width": 20, "height": 10},
               17],
             "categories": [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}, {"id": 2}],
             "annotations": [
               {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25},
               {"id": 2, "image_id": 1, "category_id": 1, "bbox": [-0.5, 0, 20.5, 10], "area": 205},
               {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25},
               {"id": 4, "image_id": 1, "category_id": 9, "bbox": [1, 1, 5, 5], "area": 25},
               {"id": 5, "image_id": 99, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25},
               {"id": 6, "image_id": 1, "category_id": 1, "bbox": [1, 1, 0, 5], "area": 25},
               {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 1, -5, 5], "area": 25},
               {"id": 8, "image_id": 1, "category_id": 1, "bbox": [20, 1, 5, 5], "area": 25},
               {"id": 9, "image_id": 1, "category_id": 1, "bbox": [15, 1, 15, 5], "area": 75},
               {"id": 10, "image_id": 1, "category_id": 1, "bbox": [1, NaN, 5, 5], "area": 25},
               {"id": 11, "image_id": 1, "category_id": 1, "bbox": [1, 1, 1e999, 5], "area": 25},
               {"id": 12, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": -Infinity},
               {"id": 13, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5], "area": 25},
               {"id": 14, "image_id": 1, "category_id": 1, "bbox": "1 1 5 5", "area": 25},
               {"id": 15, "image_id": 1, "category_id": 1, "area": 25},
               {"id": 16, "image_id": 1, "bbox": [1, 1, 5, 5], "area": 25},
               {"id": 17, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25},
               {"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25},
               {"id": 19, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": [[1, 2]]},
               {"id": 20, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": {"size": [10, 20], "counts": "o"}},
               {"id": 21, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": {"size": [20, 10], "counts": [200]}},
               {"id": 22, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": {"size": [10, 20], "counts": [150]}},
               {"id": 23, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": 3},
               {"id": 24, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": -1},
               {"id": 25, "image_id": 2, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25},
               null]}
            """);
    }

    [Fact]
    public void Every_broken_record_is_named_counted_and_skipped()
    {
        var (dataset, report) = CocoReader.Read(Broken());
        var image = Assert.Single(dataset.Images);
        Assert.Equal([1L, 2, 9], image.Annotations.Select(a => a.Id));
        Assert.Equal(new BoundingBox(-0.5, 0, 20.5, 10), image.Annotations[1].Box);
        Assert.Equal(new BoundingBox(15, 1, 5, 5), image.Annotations[2].Box);
        Assert.Equal(["cat"], dataset.CategoryNames);

        var expected = new Dictionary<DataProblemKind, int>
        {
            [DataProblemKind.DuplicateId] = 3, // image 1, class 1, annotation 1
            [DataProblemKind.MissingFile] = 1,
            [DataProblemKind.WrongImageSize] = 1,
            [DataProblemKind.UnreadableImage] = 1,
            [DataProblemKind.InvalidNumber] = 5, // image 5; annotations 10, 11, 12, 24
            [DataProblemKind.MissingValue] = 12, // 4 images, a class; annotations 13 to 17, one without id, null
            [DataProblemKind.UnknownCategory] = 1,
            [DataProblemKind.UnknownImage] = 1,
            [DataProblemKind.Empty] = 2,
            [DataProblemKind.OutsideImage] = 1,
            [DataProblemKind.BeyondImage] = 1,
            [DataProblemKind.InvalidSegmentation] = 5,
        };
        Assert.Equal(expected.OrderBy(e => e.Key), report.Counts.OrderBy(c => c.Key));
        Assert.Equal(report.Total, report.Problems.Count);
        Assert.All(report.Problems, p => Assert.StartsWith(_folder["broken.json"] + ": ", p.Message));
        Assert.Contains(report.Problems, p => p.Message.Contains("annotation 8 of image 1 has the box [20, 1, 5, 5] outside its image of 20x10: skipped"));
        Assert.Contains(report.Problems, p => p.Message.Contains("image 3 (small.png) is 20x10 in the data set but 5x5 in the file"));
        Assert.Contains(report.Problems, p => p.Message.Contains("annotation 9 of image 1") && p.Message.EndsWith("cut at the border"));
    }

    [Fact]
    public void Strict_refuses_with_all_problems()
    {
        var error = Assert.Throws<DataException>(() => CocoReader.Read(Broken(), new DataReadOptions { Checks = DataChecks.Strict }));
        Assert.Equal(CocoReader.Read(Broken()).Report.Total, error.Report.Total);
        Assert.StartsWith($"{_folder["broken.json"]} is refused: ", error.Message);
    }

    [Fact]
    public void As_written_leaves_out_only_what_cannot_be_read()
    {
        var dataset = CocoReader.Read(Broken(), new DataReadOptions { Checks = DataChecks.AsWritten }).Dataset;
        Assert.Equal([1L, 2, 3, 4, 5], dataset.Images.Select(i => i.Id));
        Assert.Equal([1L, 2, 1, 4, 6, 7, 8, 9, 21, 24], dataset.Images[0].Annotations.Select(a => a.Id));
        Assert.Equal(new BoundingBox(15, 1, 15, 5), dataset.Images[0].Annotations[7].Box);
    }

    [Fact]
    public void Image_files_are_not_looked_for_on_request()
    {
        var report = CocoReader.Read(Broken(), new DataReadOptions { CheckImages = false }).Report;
        Assert.Equal(0, report.Count(DataProblemKind.MissingFile) + report.Count(DataProblemKind.WrongImageSize));
    }

    [Theory]
    [InlineData("{\"images\": [}", "line 1")]
    [InlineData("{\"images\": [],\n \"categories\": [{\"id\": 1", "not valid JSON")]
    [InlineData("{\"images\": [], \"categories\": [], \"annotations\": []} x", "not valid JSON")]
    [InlineData("{\"images\": [], \"categories\": []", "not valid JSON")]
    [InlineData("{\"images\": [], \"categories\": []}", "'annotations' is missing")]
    [InlineData("{\"images\": 3}", "'images' is not a list")]
    [InlineData("[]", "list, as COCO's results are")]
    [InlineData("3", "not a COCO data set")]
    [InlineData("", "not valid JSON")]
    public void A_file_of_another_kind_is_refused(string json, string reason)
    {
        var path = _folder.Text("x.json", json);
        var error = Assert.Throws<ConesException>(() => CocoReader.Read(path));
        Assert.StartsWith(path, error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_named()
    {
        Assert.Contains("does not exist", Assert.Throws<ConesException>(() => CocoReader.Read(_folder["none.json"])).Message);
        Assert.Contains("is a folder", Assert.Throws<ConesException>(() => CocoReader.Read(_folder.Path)).Message);
    }

    [Fact]
    public void The_report_keeps_the_first_sentences_of_a_kind_and_counts_all()
    {
        var annotations = string.Join(",", Enumerable.Range(1, DataReport.KeptOfAKind + 5).Select(i => $$"""{"id": {{i}}, "image_id": 1, "category_id": 1, "bbox": [1, 1, 0, 0]}"""));
        var path = _folder.Text("x.json", $$"""{"images": [], "categories": [{"id": 1, "name": "a"}], "annotations": [{{annotations}}]}""");
        var report = CocoReader.Read(path).Report;
        Assert.Equal(DataReport.KeptOfAKind + 5, report.Total);
        Assert.Equal(DataReport.KeptOfAKind, report.Problems.Count);
        Assert.StartsWith($"{report.Total} problems: {report.Total} unknown image\n", report.Summary(2));
        Assert.EndsWith($"... and {report.Total - 2} more", report.Summary(2));
    }

    [Fact]
    public void A_data_set_comes_back_as_it_was_written()
    {
        var path = _folder.Text("a.json", """
            {"images": [{"id": 2, "file_name": "b/c \"d\".png", "width": 20, "height": 10}, {"id": 1, "file_name": "ä.png", "width": 5, "height": 5}],
             "categories": [{"id": 4, "name": "dog"}, {"id": 2, "name": "cat", "supercategory": "animal"}],
             "annotations": [
               {"id": 9, "image_id": 1, "category_id": 2, "bbox": [0.1, 0.2, 0.30000000000000004, 4], "area": 1.5, "iscrowd": 1, "segmentation": {"size": [5, 5], "counts": [3, 2, 20]}},
               {"id": 3, "image_id": 2, "category_id": 4, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0, "segmentation": [[1.25, 2, 4, 2, 4, 6.125]]}]}
            """);
        var options = new DataReadOptions { Checks = DataChecks.AsWritten };
        var first = CocoReader.Read(path, options).Dataset;
        CocoWriter.Write(first, _folder["b.json"]);
        var second = CocoReader.Read(_folder["b.json"], options).Dataset;
        Assert.Equal(first.Categories, second.Categories);
        Assert.Equal(first.Images.Select(i => (i.Id, i.FileName, i.Width, i.Height)), second.Images.Select(i => (i.Id, i.FileName, i.Width, i.Height)));
        foreach (var (a, b) in first.Images.SelectMany(i => i.Annotations).Zip(second.Images.SelectMany(i => i.Annotations)))
        {
            Assert.Equal((a.Id, a.CategoryId, a.Box, a.Area, a.IsCrowd), (b.Id, b.CategoryId, b.Box, b.Area, b.IsCrowd));
            Assert.Equal(a.Segmentation?.Polygons, b.Segmentation?.Polygons);
            Assert.Equal(a.Segmentation?.Mask?.ToCompressed(), b.Segmentation?.Mask?.ToCompressed());
        }

        CocoWriter.Write(second, _folder["c.json"]);
        Assert.Equal(File.ReadAllText(_folder["b.json"]), File.ReadAllText(_folder["c.json"]));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.tmp"));
        Assert.Throws<ConesException>(() => CocoWriter.Write(first, _folder["none/b.json"]));
    }
}
