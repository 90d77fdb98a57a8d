using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Masks;
using Cones.Models;

namespace Cones.Tests.Data.Coco;

public sealed class CocoResultTests : IDisposable
{
    readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Results_that_cannot_be_put_into_their_place_are_kept_beside_it()
    {
        Directory.CreateDirectory(_folder["r.json"]); // a folder has the file's name
        using (var writer = new CocoResultWriter(_folder["r.json"]))
        {
            for (var i = 0; i < 3; i++)
            {
                writer.Add(new CocoResult { ImageId = i, CategoryId = 1, Score = 0.5, Box = new BoundingBox(1, 2, 3, 4) });
                writer.Flush();
            }

            Assert.Contains("3 of 3 results are kept in " + _folder["r.partial.json"], Assert.Throws<ConesException>(writer.Complete).Message);
        }

        Assert.Equal(3, CocoResultReader.Read(_folder["r.partial.json"]).Count);
        Assert.Equal(["r.partial.json"], Directory.GetFiles(_folder.Path).Select(f => Path.GetFileName(f)));
    }

    [Fact]
    public void Results_come_back_as_they_were_written()
    {
        CocoResult[] results =
        [
            new() { ImageId = 3, CategoryId = 1, Score = 0.1, Box = new BoundingBox(1, 2, 3.5, 4) },
            new() { ImageId = -4, CategoryId = 2, Score = 1, Segmentation = Segmentation.FromMask(new RleMask(2, 3, [2u, 3u, 1u])) },
        ];
        CocoResultWriter.Write(results, _folder["r.json"]);
        var read = CocoResultReader.Read(_folder["r.json"]);
        Assert.Equal(results[0], read[0]);
        Assert.Equal((-4, 2, 1.0, (BoundingBox?)null), (read[1].ImageId, read[1].CategoryId, read[1].Score, read[1].Box));
        Assert.Equal(new uint[] { 2, 3, 1 }, read[1].Segmentation!.Mask!.Counts);
        Assert.Equal("""[{"image_id":3,"category_id":1,"bbox":[1,2,3.5,4],"score":0.1},{"image_id":-4,"category_id":2,"segmentation":{"size":[2,3],"counts":"231"},"score":1}]""", File.ReadAllText(_folder["r.json"]));
    }

    [Fact]
    public void Without_completion_no_file_is_left()
    {
        using (var writer = new CocoResultWriter(_folder["r.json"]))
            writer.Add(new CocoResult { ImageId = 1, CategoryId = 1, Score = 1, Box = new BoundingBox(0, 0, 1, 1) });
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Results_that_no_one_could_read_are_not_written()
    {
        using var writer = new CocoResultWriter(_folder["r.json"]);
        Assert.Throws<ArgumentException>(() => writer.Add(new CocoResult { ImageId = 1, CategoryId = 1, Score = double.NaN, Box = new BoundingBox(0, 0, 1, 1) }));
        Assert.Throws<ArgumentException>(() => writer.Add(new CocoResult { ImageId = 1, CategoryId = 1, Score = 1 }));
    }

    [Fact]
    public void Broken_results_are_skipped_with_a_report_and_refused_without()
    {
        var path = _folder.Text("r.json", """
            [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
             {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": NaN},
             {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, Infinity], "score": 0.5},
             {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 0.5},
             {"image_id": 1, "category_id": 1, "score": 0.5},
             {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
             {"image_id": "a", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
             {"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
             {"image_id": 1, "category_id": 1, "segmentation": {"size": [2, 2], "counts": "zzz"}, "score": 0.5},
             [],
             {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
            """);
        var report = new DataReport();
        Assert.Equal([1L, 2], CocoResultReader.Read(path, report).Select(r => r.ImageId));
        Assert.Equal(9, report.Total);
        Assert.Contains("result 1 has a score that is no finite number: skipped", report.Problems[0].Message);
        var error = Assert.Throws<ConesException>(() => CocoResultReader.Read(path));
        Assert.StartsWith($"{path}: result 1 ", error.Message);
    }

    [Theory]
    [InlineData("{}", "must begin with [")]
    [InlineData("[{\"image_id\": 1", "not valid JSON")]
    [InlineData("[] []", "not valid JSON")]
    [InlineData("[NoNumber]", "not valid JSON")]
    public void A_file_of_another_kind_is_refused(string json, string reason) =>
        Assert.Contains(reason, Assert.Throws<ConesException>(() => CocoResultReader.Read(_folder.Text("r.json", json))).Message);

    // The reader holds 64 KiB: records, strings and NaN lie across its border at every offset.
    [Fact]
    public void Records_across_the_border_of_the_buffer_are_whole()
    {
        const string Record = """{"image_id": 1, "category_id": 7, "note": "N\"aN \\", "bbox": [-Infinity, NaN, 3, 4], "score": 0.25}""";
        const string Good = """{"image_id": 2, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.25, "text": "NaN"}""";
        for (var offset = 0; offset <= Record.Length; offset++)
        {
            var padding = new string(' ', (1 << 16) - offset);
            var path = _folder.Text("r.json", $"[{padding}{Record},{Good}]");
            var report = new DataReport();
            Assert.Equal(2, Assert.Single(CocoResultReader.Read(path, report)).ImageId);
            Assert.Equal(1, report.Count(DataProblemKind.InvalidNumber));
        }
    }

    [Fact]
    public void A_record_larger_than_the_buffer_and_a_byte_order_mark_are_read()
    {
        var polygon = string.Join(",", Enumerable.Range(0, 60000).Select(i => i % 90));
        var path = _folder.Text("r.json", "\uFEFF[{\"image_id\": 1, \"category_id\": 1, \"score\": 0.5, \"segmentation\": [[" + polygon + "]]}]");
        Assert.Equal(60000, CocoResultReader.Read(path)[0].Segmentation!.Polygons![0].Length);
    }

    [Fact]
    public void A_long_list_is_read_one_by_one()
    {
        CocoResultWriter.Write(Enumerable.Range(0, 20000).Select(i => new CocoResult { ImageId = i, CategoryId = 1, Score = i / 20000.0, Box = new BoundingBox(i, i + 0.5, 1, 2) }), _folder["r.json"]);
        Assert.Equal([0L, 1, 2], CocoResultReader.Stream(_folder["r.json"]).Take(3).Select(r => r.ImageId));
        var all = CocoResultReader.Read(_folder["r.json"]);
        Assert.Equal(20000, all.Count);
        Assert.Equal(new BoundingBox(19999, 19999.5, 1, 2), all[^1].Box);
    }
}
