using Cones.Data;
using Cones.Data.Coco;
using Cones.Models.Imaging;

namespace Cones.Cli.Tests;

/// <summary>Annotated pictures in every format, in a folder of their own, and the command on the tiny detector of the goldens.</summary>
sealed class DetectionFiles : IDisposable
{
    public static readonly string Model = Path.Combine(TestFiles.Root, "tests", "goldens", "glip", "model_a");
    public static readonly string OtherModel = Path.Combine(TestFiles.Root, "tests", "goldens", "glip", "model_b");

    public DetectionFiles()
    {
        Directory.CreateDirectory(In("pictures"));
        for (var i = 1; i <= 3; i++) Picture(10 * i).Save(In($"pictures/{i}.png"));
        WriteCoco("data.json");
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("cones-detection-").FullName;

    public string In(string name) => Path.Combine(Folder, name);

    /// <summary>The boxes of the three pictures: a cat in each, a sign in the first.</summary>
    public static IReadOnlyList<DatasetImage> Images { get; } =
    [
        .. Enumerable.Range(1, 3).Select(i => new DatasetImage
        {
            Id = 10 * i,
            FileName = $"{i}.png",
            Width = 96,
            Height = 72,
            Annotations = [Cat(i), .. i == 1 ? (DatasetAnnotation[])[new DatasetAnnotation { Id = 9, CategoryId = 9, Box = new BoundingBox(50, 20, 30, 24), Area = 720 }] : []],
        }),
    ];

    public static DatasetAnnotation Cat(int image) => new() { Id = image, CategoryId = 4, Box = new BoundingBox(8, 10 * image, 30, 30), Area = 900 };

    public void WriteCoco(string name, IReadOnlyList<DatasetImage>? images = null, IReadOnlyList<DatasetCategory>? categories = null) =>
        CocoWriter.Write(new DetectionDataset(categories ?? [new(4, "cat"), new(9, "sign")], images ?? Images), In(name));

    /// <summary>Pascal VOC: all pictures, split into train (1, 2) and val (3).</summary>
    public string Voc()
    {
        foreach (var folder in (string[])["voc/Annotations", "voc/JPEGImages", "voc/ImageSets/Main"]) Directory.CreateDirectory(In(folder));
        foreach (var image in Images)
        {
            File.Copy(In("pictures/" + image.FileName), In("voc/JPEGImages/" + image.FileName), overwrite: true);
            File.WriteAllText(In($"voc/Annotations/{Path.ChangeExtension(image.FileName, ".xml")}"), VocXml(image));
        }

        File.WriteAllText(In("voc/ImageSets/Main/train.txt"), "1\n2\n");
        File.WriteAllText(In("voc/ImageSets/Main/val.txt"), "3\n");
        return In("voc");
    }

    public static string VocXml(DatasetImage image) =>
        $"<annotation><filename>{image.FileName}</filename><size><width>96</width><height>72</height><depth>3</depth></size>"
        + string.Concat(image.Annotations.Select(a => $"<object><name>{(a.CategoryId == 4 ? "cat" : "sign")}</name><bndbox><xmin>{a.Box.X}</xmin><ymin>{a.Box.Y}</ymin><xmax>{a.Box.Right}</xmax><ymax>{a.Box.Bottom}</ymax></bndbox></object>"))
        + "</annotation>";

    /// <summary>YOLO: train (1, 2) and val (3) with a data.yaml.</summary>
    public string Yolo()
    {
        foreach (var image in Images)
        {
            var split = image.Id == 30 ? "val" : "train";
            foreach (var folder in (string[])[$"yolo/{split}/images", $"yolo/{split}/labels"]) Directory.CreateDirectory(In(folder));
            File.Copy(In("pictures/" + image.FileName), In($"yolo/{split}/images/{image.FileName}"), overwrite: true);
            File.WriteAllLines(In($"yolo/{split}/labels/{Path.ChangeExtension(image.FileName, ".txt")}"), image.Annotations.Select(Line));
        }

        File.WriteAllText(In("yolo/data.yaml"), "train: train/images\nval: val/images\nnc: 2\nnames: [cat, sign]\n");
        return In("yolo");

        static string Line(DatasetAnnotation a) => string.Create(
            null, $"{(a.CategoryId == 4 ? 0 : 1)} {(a.Box.X + (a.Box.Width / 2)) / 96:r} {(a.Box.Y + (a.Box.Height / 2)) / 72:r} {a.Box.Width / 96:r} {a.Box.Height / 72:r}");
    }

    /// <summary>A picture whose header is fine and whose pixels are cut off.</summary>
    public void Break(string picture)
    {
        var bytes = File.ReadAllBytes(In(picture));
        File.WriteAllBytes(In(picture), bytes[..(bytes.Length - 40)]);
    }

    /// <summary>A search of two steps; <c>--data</c> and <c>-o</c> may be among the arguments.</summary>
    public Cli Search(params string[] more)
    {
        (string Name, string Value)[] defaults =
        [
            ("--data", In("data.json")), ("--images", more.Contains("--data") ? "" : In("pictures")), ("-o", In("cells.concept.safetensors")), ("--model", Model),
            ("--steps", "2"), ("--accumulate", "1"), ("--evaluate-every", "1"),
        ];
        return Cli.Run(["search", "detection", .. Missing(defaults, more), .. more]);
    }

    public Cli Detect(params string[] more) => Cli.Run(["detect", .. Missing([("--model", Model), ("--threshold", "0"), ("-o", In("found"))], more), .. more]);

    public Cli Evaluate(params string[] more) => Cli.Run([.. (string[])["evaluate", "detection"], .. more]);

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    static IEnumerable<string> Missing((string Name, string Value)[] defaults, string[] given) =>
        defaults.Where(d => d.Value.Length > 0 && !given.Contains(d.Name)).SelectMany(d => (string[])[d.Name, d.Value]);

    static RgbImage Picture(int top)
    {
        var picture = new RgbImage(96, 72);
        var random = new Random(top);
        random.NextBytes(picture.Pixels); // noise keeps the file long enough to be cut
        for (var y = top; y < Math.Min(72, top + 30); y++) picture.Pixels.AsSpan(3 * ((y * 96) + 8), 3 * 30).Fill(30);
        return picture;
    }
}
