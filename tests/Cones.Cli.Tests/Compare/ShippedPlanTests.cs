using System.Text.RegularExpressions;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Models.Imaging;

namespace Cones.Cli.Tests.Compare;

/// <summary>A miniature of every plan that ships, through the command: every genre of it runs from plan to report.</summary>
public sealed partial class ShippedPlanTests : IDisposable
{
    static readonly string s_detector = Path.Combine(TestFiles.Root, "tests", "goldens", "glip", "model_a");
    static readonly string s_control = Path.Combine(TestFiles.Root, "tests", "goldens", "glip", "model_b");
    readonly string _folder = Directory.CreateTempSubdirectory("cones-plans-").FullName;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("CONES_DATA", null);
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("generation.yaml")]
    [InlineData("speed.yaml")]
    [InlineData("unseen-concepts.yaml")]
    [InlineData("second-stage.yaml")]
    [InlineData("controls-generation.yaml")]
    public void Generation(string plan) => MustRun(plan, "--model", "mini-sd=" + TinyModel());

    [Fact]
    public void Generation_by_the_plan_for_real_checkpoints()
    {
        Environment.SetEnvironmentVariable("CONES_DATA", _folder);
        foreach (var subject in (string[])["dog2", "dog3", "backpack", "berry_bowl", "clock", "fancy_boot", "rc_car", "shiny_sneaker"])
        {
            var target = Directory.CreateDirectory(Path.Combine(_folder, "dreambooth", "images", subject)).FullName;
            for (var i = 0; i < 6; i++) RgbImage.Filled(64, 64, new Rgb((byte)(40 * i), 90, 120)).Save(Path.Combine(target, $"{i:00}.jpg"));
        }

        MustRun("generation-dreambooth.yaml", "--model", "sd15=" + TinyModel());
    }

    [Theory]
    [InlineData("detection-bccd.yaml")]
    [InlineData("speed-detection.yaml")]
    [InlineData("controls-detection.yaml")]
    public void Detection(string plan)
    {
        Environment.SetEnvironmentVariable("CONES_DATA", _folder);
        WriteCells();
        // The tiny detector takes captions of 20 tokens: shorter words stand for those of the plan.
        var text = File.ReadAllText(Path.Combine(PlanFiles.Shipped, plan));
        text = text.Replace("{method: soft-context, options: {", "{method: soft-context, options: {slots: 1, ", StringComparison.Ordinal);
        text = text.Replace("{method: soft-context, learning", "{method: soft-context, options: {slots: 1}, learning", StringComparison.Ordinal);
        text = text.Replace("../../samples", Path.Combine(TestFiles.Root, "samples"), StringComparison.Ordinal);
        text = Described().Replace(Classes().Replace(text, "classes: RBC=cat, WBC=dog, Platelets=car"), "classes: \"RBC=dog, WBC=car, Platelets=cat\"");
        File.WriteAllText(Path.Combine(_folder, plan), text);
        string[] control = plan.StartsWith("controls", StringComparison.Ordinal) ? ["--model", "no fusion=" + s_control] : [];
        MustRun(plan, ["--model", "mini-glip=" + s_detector, .. control]);
    }

    [Theory]
    [InlineData("segmentation-nuclei.yaml")]
    public void Segmentation(string plan)
    {
        Environment.SetEnvironmentVariable("CONES_DATA", _folder);
        WriteNuclei();
        // Features of test pictures do not belong into the user's folder.
        var text = File.ReadAllText(Path.Combine(PlanFiles.Shipped, plan)).Replace("options: {evaluate-every: 20}", "options: {evaluate-every: 20, feature-cache: none}", StringComparison.Ordinal);
        // Ways that a plan may take too: loose boxes, and a detector with a concept of each few-shot subset.
        foreach (var seed in (long[])[3, 30])
        {
            var found = Cli.Run("search", "detection", "--data", Path.Combine(_folder, "nuclei", "annotations", "train.json"), "--images", Path.Combine(_folder, "nuclei", "images"), "--model", s_detector, "--classes", "cell=cat", "--steps", "1", "--seed", $"{seed}", "-o", Path.Combine(_folder, $"found-1-{seed}.concept.safetensors"));
            Assert.True(found.ExitCode == ExitCodes.Success, found.Error);
        }

        text = text.Replace("  text: {method: text}", $$$"""
              text: {method: text}
              loose: {method: text, options: {box-margin: 0.3}}
              found: {method: text, options: {detector: "{{{s_detector}}}"}, data: {detector-concept: "found-{shots}-{shot-seed}.concept.safetensors"}}
            """, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_folder, plan), text);
        MustRun(plan, "--model", "sam-vit-base=" + Path.Combine(TestFiles.Root, "tests", "goldens", "sam", "model_a"));
    }

    [Fact]
    public void Every_plan_has_a_miniature_here()
    {
        var tested = typeof(ShippedPlanTests).GetMethods().SelectMany(m => m.GetCustomAttributes(typeof(InlineDataAttribute), false).Cast<InlineDataAttribute>())
            .Select(d => (string)d.Data[0]!).Append("generation-dreambooth.yaml").Order(StringComparer.Ordinal);
        Assert.Equal(Directory.EnumerateFiles(PlanFiles.Shipped, "*.yaml").Select(Path.GetFileName).Order(StringComparer.Ordinal), tested);
    }

    // Random weights of the real layout. It takes prompts of 12 tokens and knows hardly a word: short ones stand for those of the plans.
    string TinyModel()
    {
        var model = Path.Combine(_folder, "tiny");
        TestFiles.CopyFolder(Path.Combine(TestFiles.Root, "tests", "goldens", "generation", "pipeline-sd15", "pipeline"), model);
        File.WriteAllText(Path.Combine(model, "templates.txt"), "a {}\n{}\n");
        var samples = Path.Combine(_folder, "samples");
        TestFiles.CopyFolder(Path.Combine(TestFiles.Root, "samples"), samples);
        foreach (var caption in Directory.EnumerateFiles(samples, "*.txt", SearchOption.AllDirectories)) File.Delete(caption);
        foreach (var plan in Directory.EnumerateFiles(PlanFiles.Shipped, "*.yaml"))
            File.WriteAllText(Path.Combine(_folder, Path.GetFileName(plan)), Init().Replace(File.ReadAllText(plan), "init: cat").Replace("../../samples", samples, StringComparison.Ordinal));
        return model;
    }

    [GeneratedRegex("init: [a-z].*")]
    private static partial Regex Init();

    void MustRun(string plan, params string[] more)
    {
        var output = Path.Combine(_folder, "results");
        var path = new[] { Path.Combine(_folder, plan), Path.Combine(PlanFiles.Shipped, plan) }.First(File.Exists);
        var run = Cli.Run(["compare", path, "--miniature", "--in-process", "-o", output, .. more]);
        Assert.True(run.ExitCode == ExitCodes.Success, run.Error);
        var report = File.ReadAllText(Path.Combine(output, "report.md"));
        Assert.DoesNotContain("NaN", report);
        Assert.Contains("(miniature)", report);
        // Every genre has a row.
        foreach (var line in File.ReadLines(path).SkipWhile(l => l != "genres:").Skip(1).TakeWhile(l => l.StartsWith("  ", StringComparison.Ordinal)))
            if (line[2] != ' ') Assert.Contains($"| {line.Trim().Split(": {")[0].TrimEnd(':')} |", report);
    }

    [GeneratedRegex("classes: RBC.*")]
    private static partial Regex Classes();

    [GeneratedRegex("classes: \"RBC[^\"]*\"")]
    private static partial Regex Described();

    // Pictures of bright squares with their masks in the layout of the real data.
    void WriteNuclei()
    {
        SegmentationPictures.Write(_folder);
        var target = Directory.CreateDirectory(Path.Combine(_folder, "nuclei", "annotations")).FullName;
        Directory.CreateDirectory(Path.Combine(_folder, "nuclei", "images"));
        Directory.Move(Path.Combine(_folder, "pictures"), Path.Combine(_folder, "nuclei", "images", "pictures"));
        foreach (var split in (string[])["train", "val", "test"]) File.Copy(Path.Combine(_folder, "data.json"), Path.Combine(target, split + ".json"));
    }

    // Blood cells in the layout of the real data, drawn.
    void WriteCells()
    {
        var images = Directory.CreateDirectory(Path.Combine(_folder, "bccd", "images")).FullName;
        Directory.CreateDirectory(Path.Combine(_folder, "bccd", "annotations"));
        DatasetCategory[] classes = [new(1, "RBC"), new(2, "WBC"), new(3, "Platelets")];
        foreach (var (split, count) in ((string, int)[])[("train", 3), ("val", 1), ("test", 2)])
        {
            var all = new List<DatasetImage>();
            for (var i = 1; i <= count; i++)
            {
                var picture = RgbImage.Filled(96, 72, new Rgb(220, 200, 210));
                var boxes = classes.Select((c, k) => new BoundingBox(6 + (28 * k), 8 + (10 * i), 24 - (4 * k), 24 - (4 * k))).ToArray();
                foreach (var (box, k) in boxes.Select((b, k) => (b, k))) picture.Paste(RgbImage.Filled((int)box.Width, (int)box.Height, new Rgb((byte)(60 * k), 40, 120)), (int)box.X, (int)box.Y);
                picture.Save(Path.Combine(images, $"{split}{i}.png"));
                all.Add(new DatasetImage
                {
                    Id = i,
                    FileName = $"{split}{i}.png",
                    Width = 96,
                    Height = 72,
                    Annotations = [.. boxes.Select((b, k) => new DatasetAnnotation { Id = (10 * i) + k, CategoryId = k + 1, Box = b, Area = b.Area })],
                });
            }

            CocoWriter.Write(new DetectionDataset(classes, all), Path.Combine(_folder, "bccd", "annotations", split + ".json"));
        }
    }
}
