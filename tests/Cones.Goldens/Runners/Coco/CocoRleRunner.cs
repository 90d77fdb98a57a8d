using System.Text.Json;
using Cones.Data;
using Cones.Data.Masks;
using Cones.Evaluation.Coco;

namespace Cones.Goldens.Runners.Coco;

/// <summary>Run-length masks: encoding, strings, areas, boxes, polygons, merging and overlaps.</summary>
sealed class CocoRleRunner : IGoldenRunner
{
    // Stands for 0/0 in the files.
    const double Undefined = -2;

    public IReadOnlyCollection<string> Kinds { get; } = ["coco-rle-ops"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(golden.PathOf("rle.json")));
        foreach (var section in document.RootElement.EnumerateObject())
        {
            foreach (var (entry, i) in section.Value.EnumerateArray().Select((entry, i) => (entry, i)))
            {
                var name = $"{section.Name}[{i}]";
                switch (section.Name)
                {
                    case "encode":
                        Encode(entry, name, result);
                        break;
                    case "polygons":
                        CheckMask(entry, name, Segmentation.FromPolygons([.. entry.GetProperty("polygons").EnumerateArray().Select(Numbers)]).ToMask(Height(entry), Width(entry)), result);
                        break;
                    case "boxes":
                        var box = Numbers(entry.GetProperty("box"));
                        CheckMask(entry, name, Segmentation.FromBox(new BoundingBox(box[0], box[1], box[2], box[3])).ToMask(Height(entry), Width(entry)), result);
                        break;
                    case "merge":
                        CheckMask(entry, name, RleMask.Merge(Masks(entry, "of"), entry.GetProperty("intersect").GetInt32() != 0), result);
                        break;
                    case "iou":
                        Overlaps(entry, name, result);
                        break;
                    default:
                        result.Fail($"{section.Name}: not compared");
                        break;
                }
            }
        }
    }

    static void Encode(JsonElement entry, string name, GoldenResult result)
    {
        var mask = RleMask.FromCompressed(Height(entry), Width(entry), entry.GetProperty("string").GetString()!);
        CheckMask(entry, name, mask, result);
        CheckMask(entry, $"{name} decoded and encoded", RleMask.Encode(mask.Height, mask.Width, mask.Decode()), result);
        if (entry.TryGetProperty("rows", out _)) CheckMask(entry, $"{name} from rows", RleMask.Encode(mask.Height, mask.Width, Rows(entry)), result);
    }

    static void CheckMask(JsonElement entry, string name, RleMask mask, GoldenResult result)
    {
        result.ExpectEqual(entry.GetProperty("string").GetString(), mask.ToCompressed(), $"{name} string");
        if (entry.TryGetProperty("counts", out var counts)) result.ExpectSequence(counts.EnumerateArray().Select(c => c.GetUInt32()), mask.Counts.ToArray(), $"{name} counts");
        if (entry.TryGetProperty("area", out var area)) result.ExpectEqual(area.GetInt64(), mask.Area, $"{name} area");
        if (entry.TryGetProperty("bbox", out var bbox)) result.ExpectSequence(Numbers(bbox), [mask.Box.X, mask.Box.Y, mask.Box.Width, mask.Box.Height], $"{name} bbox");
        if (entry.TryGetProperty("rows", out _)) result.ExpectSequence(Rows(entry), mask.Decode(), $"{name} rows");
    }

    static void Overlaps(JsonElement entry, string name, GoldenResult result)
    {
        var crowd = entry.GetProperty("iscrowd").EnumerateArray().Select(c => c.GetInt32() != 0).ToArray();
        var actual = CocoOverlap.Masks(Masks(entry, "dt"), Masks(entry, "gt"), crowd);
        var expected = entry.GetProperty("iou").EnumerateArray().SelectMany(Numbers).ToArray();
        result.ExpectEqual(expected.Length, actual.Length, $"{name} count");
        for (var i = 0; i < expected.Length; i++)
            result.Expect(Math.Abs(expected[i] - (double.IsNaN(actual[i]) ? Undefined : actual[i])) <= 1e-12, $"{name} overlap {i}: expected {expected[i]}, got {actual[i]}");
    }

    static RleMask[] Masks(JsonElement entry, string name) =>
        [.. entry.GetProperty(name).EnumerateArray().Select(s => RleMask.FromCompressed(Height(entry), Width(entry), s.GetString()!))];

    static byte[] Rows(JsonElement entry) => [.. entry.GetProperty("rows").EnumerateArray().SelectMany(r => r.GetString()!).Select(c => (byte)(c - '0'))];

    static int Height(JsonElement entry) => entry.GetProperty("size")[0].GetInt32();

    static int Width(JsonElement entry) => entry.GetProperty("size")[1].GetInt32();

    static double[] Numbers(JsonElement json) => [.. json.EnumerateArray().Select(n => n.GetDouble())];
}
