using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Options;
using Cones.Cli.Search;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Segmentation;
using Cones.Visualization;

namespace Cones.Cli.Compare.Tasks;

/// <summary>Instance segmentation: COCO's average precision of masks, the Data Science Bowl's score and Dice on test images.</summary>
sealed class SegmentationComparison : IComparisonTask
{
    const int ExampleCount = 2;
    const int ExampleSide = 320;

    // A genre with boxes of its own is judged with them, also where others have those of the annotations.
    static readonly string[] s_boxes = ["detector", "detector-classes", "no-boxes"];

    public string Name => "segmentation";

    public string? EmbeddedModel => EmbeddedModels.Sam;

    public string ValidationKey => "val";

    public string CurveTitle => "validation loss";

    public IReadOnlyList<string> Methods { get; } = EnumNames<SegmentationMethod>.All.Split(", ");

    public IReadOnlyList<PlanKey> DataKeys { get; } =
    [
        new("data", PlanValueKind.Path, Required: true),
        new("images", PlanValueKind.Path, Required: true),
        new("val", PlanValueKind.Path),
        new("test", PlanValueKind.Path, Required: true),
        new("classes", PlanValueKind.Text),
        new("detector-concept", PlanValueKind.Path),
    ];

    public IReadOnlyList<PlanKey> EvaluationKeys { get; } = [new("true-boxes", PlanValueKind.Flag), new("threshold", PlanValueKind.Number)];

    public IReadOnlyList<Metric> Metrics { get; } =
    [
        new("ap", "AP of masks", Higher: true, "0.000"),
        new("ap50", "AP50", Higher: true, "0.000"),
        new("dsb", "DSB", Higher: true, "0.000"),
        new("dice", "Dice", Higher: true, "0.000"),
        new("evaluation_loss", "loss, validation images", Higher: false, "0.000"),
        new("validation_ap", "AP, validation images", Higher: true, "0.000"),
    ];

    public IReadOnlyList<string> SelectionMetrics => ["validation_ap", "evaluation_loss"];

    public (IReadOnlyDictionary<string, string> Options, IReadOnlyDictionary<string, string> Evaluation) Miniature { get; } = (
        new Dictionary<string, string> { ["accumulate"] = "1", ["evaluate-every"] = "2", ["objects"] = "2", ["evaluation-objects"] = "2" },
        new Dictionary<string, string>());

    public Command NewSearchCommand()
    {
        var command = new Command(Name);
        new SegmentationOptionSet().AddTo(command);
        return command;
    }

    public IReadOnlyList<KeyValuePair<string, string?>> DataArguments(JobSpec job, string dataFolder)
    {
        var arguments = new List<KeyValuePair<string, string?>> { new("data", job.DataValue("data")), new("images", job.DataValue("images")) };
        if (job.DataValue("val") is { } validation) arguments.Add(new("val", validation));
        if (job.DataValues("classes") is { Count: > 0 } classes) arguments.Add(new("classes", string.Join(",", classes)));
        if (job.DataValue("detector-concept") is { } concept) arguments.Add(new("detector-concept", concept));
        if (job.Shots is { } shots) arguments.AddRange([new("shots", FormattableString.Invariant($"{shots}")), new("shot-seed", FormattableString.Invariant($"{job.ShotSeed}"))]);
        return arguments;
    }

    public string EvaluationCommand(JobSpec job, string concept, string dataFolder)
    {
        // A tuned model runs with the tokens that it was tuned with, if any.
        var last = job.Stages.Count - 1;
        var arguments = job.Stages[last].Method != "full"
            ? Evaluation(job, job.DataValue("test")!, job.ModelPath, concept)
            : Evaluation(job, job.DataValue("test")!, concept, last > 0 ? JobArguments.NameOf(job, last - 1) : null);
        return $"cones {string.Join(' ', arguments.Select(JobArguments.Written))}";
    }

    public void Prepare(JobSpec job, string dataFolder)
    {
        // The commands read the data as it is.
    }

    // Scaled from measured images: 6.1 s to encode one with SAM ViT-B (94 million weights) and 0.6 s a step, on two cores with AVX-512.
    public JobEstimate Estimate(JobSpec job)
    {
        const double encodeSecondsPerWeight = 6.5e-8, stepShare = 0.1, bytesBeside = 1.2e9;
        var files = File.Exists(job.ModelPath) ? [new FileInfo(job.ModelPath)] : new DirectoryInfo(job.ModelPath).EnumerateFiles("*", SearchOption.AllDirectories).ToArray();
        var weights = files.Where(f => f.Extension is ".pth" or ".safetensors" or ".bin" or ".pt").Sum(f => f.Length) / 4.0;
        var encode = encodeSecondsPerWeight * weights * 2 / Environment.ProcessorCount;
        double Option(string name, double otherwise) => job.Stages.SelectMany(s => s.Options).LastOrDefault(o => o.Key == name).Value is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        var images = (string?[])[job.DataValue("data"), job.DataValue("val"), job.DataValue(job.Selection ? "val" : "test")];
        var counts = images.Select(f => f is null ? 0 : Read(job, f).Images.Count).ToArray();
        var step = encode * stepShare * Option("accumulate", 4);
        var evaluations = 1 + (Math.Max(1, job.Steps) / Math.Max(1, Option("evaluate-every", 10)));
        // The first job encodes, the others find the features.
        return new JobEstimate(job.Stages[0].Method == "text" ? 0 : step, 5 + (encode * counts.Sum() / 10) + (encode * stepShare / 3 * evaluations * counts[1]), (long)(bytesBeside + (weights * 4 * (job.Stages.Any(s => s.Method == "full") ? 4 : 1))));
    }

    public StageOutcome Search(StageRun run)
    {
        var command = new Command(Name);
        var set = new SegmentationOptionSet();
        set.AddTo(command);
        var parsed = command.Parse([.. run.Arguments]);
        if (parsed.Errors is [var error, ..]) throw new ConesException($"the options of '{run.Job.Genre}' cannot be used: {error.Message}");
        using var said = new LogWriter(run.Run.Log);
        var options = set.Read(parsed, said, run.Run.Cancellation);
        using var folder = run.IsProbe ? null : RunFolder.Open(run.Run.RunFolderOf(run.Index), RunStart.ResumeOrNew, SegmentationRunDescription.Describe(options));
        using var result = SegmentationSearch.Run(options, folder, run.IsProbe ? null : ModelOf(run.Run, run.Index), run.Recorder, run.Recorder.Stage, run.Run.Cancellation);
        if (result.Search?.Reason == StopReason.Cancelled) throw new OperationCanceledException(result.Search.Message);
        if (result.Search?.Reason == StopReason.NonFinite) throw new ConesException(result.Search.Message);
        if (!run.IsProbe) Keep(result, options, run.Run.ConceptOf(run.Index));
        return new StageOutcome(
            result.StartLoss,
            result.BestLoss,
            result.Search?.Step ?? 0,
            result.IsBoxesAlone ? 0 : result.Search?.BestStep ?? 0,
            result.Search?.Best.Values.Sum(t => t.numel()) ?? 0,
            result.Search?.Message ?? "names or boxes as they are",
            result.Search?.Evaluations ?? []);
    }

    // What weights were tuned with goes on with them.
    static void Keep(SegmentationSearchResult result, SegmentationSearchOptions options, string target)
    {
        if (result.Concept is { } concept) concept.Save(target);
        else if (options.Start is { } start) File.Copy(start, target, overwrite: true);
    }

    // The command itself: what the report prints is what was measured.
    public JobScores Evaluate(JobRun run)
    {
        var job = run.Job;
        var data = job.DataValue(job.Selection ? ValidationKey : "test")!;
        var masks = Path.Combine(run.Folder, "masks.json");
        var tuned = ModelOf(run, job.Stages.Count - 1);
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        using var said = new LogWriter(run.Log);
        var code = ConesCommand.Run([.. Evaluation(job, data, Directory.Exists(tuned) ? tuned : job.ModelPath, File.Exists(run.Concept) ? run.Concept : null), "--json", "-o", masks], output, said);
        if (code != ExitCodes.Success) throw new ConesException(said.Last ?? "the masks could not be scored");
        using var report = JsonDocument.Parse(output.ToString());
        double Number(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetDouble() : 0;
        if (job.Selection)
        {
            File.Delete(masks);
            return new JobScores(new Dictionary<string, double> { ["validation_ap"] = Number(report.RootElement, "ap") }, []);
        }

        var metrics = ((string[])["ap", "ap50", "dsb", "dice"]).ToDictionary(n => n, n => Number(report.RootElement, n));
        foreach (var row in report.RootElement.GetProperty("classes").EnumerateArray()) metrics[DetectionComparison.ClassPrefix + row.GetProperty("class").GetString()] = Number(row, "ap");
        var pictures = Examples(run, Read(job, data), CocoResultReader.Read(masks));
        File.Delete(masks);
        return new JobScores(metrics, pictures);
    }

    static List<JobPicture> Examples(JobRun run, DetectionDataset data, IReadOnlyList<CocoResult> results)
    {
        var threshold = run.Job.EvaluationValue("threshold") is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : 0.3;
        var pictures = new List<JobPicture>();
        foreach (var image in data.Images.Take(ExampleCount))
        {
            CocoResult[] shown = [.. results.Where(r => r.ImageId == image.Id && r.Score >= threshold && r.Segmentation?.Mask is not null)];
            var drawn = DetectionPainter.Draw(
                image.Load(),
                [.. shown.Select(r => new PaintedObject { Mask = r.Segmentation!.Mask, Category = data.CategoryIndex(r.CategoryId) })],
                new PaintOptions { ColorByInstance = true, Labels = false });
            var longer = (double)Math.Max(drawn.Width, drawn.Height);
            var small = longer > ExampleSide ? drawn.Resize((int)Math.Round(drawn.Width * ExampleSide / longer), (int)Math.Round(drawn.Height * ExampleSide / longer)) : drawn;
            var file = $"example-{pictures.Count + 1}.png";
            small.Save(Path.Combine(run.Folder, file));
            pictures.Add(new JobPicture(file, $"{image.FileName}: {shown.Length} masks at {threshold.ToString(CultureInfo.InvariantCulture)} or more"));
        }

        return pictures;
    }

    static IEnumerable<string> Evaluation(JobSpec job, string data, string model, string? concept)
    {
        List<string> arguments = ["evaluate", "segmentation", "--data", data, "--images", job.DataValue("images")!];
        if (model.Length > 0) arguments.AddRange(["--model", model]);
        if (concept is not null) arguments.AddRange(["--concept", concept]);
        var margin = job.Stages[^1].Options.LastOrDefault(o => o.Key == "box-margin").Value;
        var boxes = job.Stages[^1].Options.Where(o => s_boxes.Contains(o.Key)).ToArray();
        foreach (var option in boxes) arguments.AddRange(option.Value is { } value ? (string[])["--" + option.Key, value] : ["--" + option.Key]);
        if (job.DataValue("detector-concept") is { } found) arguments.AddRange(["--detector-concept", found]);
        if (boxes.Length == 0 && job.EvaluationValue("true-boxes") == "true") arguments.AddRange(margin is null ? ["--true-boxes"] : ["--true-boxes", "--box-margin", margin]);
        if (job.EvaluationValue("threshold") is { } threshold) arguments.AddRange(["--threshold", threshold]);
        // Features of the images are kept where the search kept them.
        foreach (var option in job.Stages[0].Options.Where(o => o.Key is "feature-cache" or "device" or "precision" && o.Value is not null)) arguments.AddRange(["--" + option.Key, option.Value!]);
        return arguments;
    }

    static string ModelOf(JobRun run, int stage) => Path.Combine(run.Folder, $"{stage + 1}.model");

    static DetectionDataset Read(JobSpec job, string file) => CocoReader.Read(file, new DataReadOptions { Checks = DataChecks.Skip, ImageFolder = job.DataValue("images") }).Dataset;

    // What commands say goes into the job's log, line by line.
    sealed class LogWriter(Action<string> log) : StringWriter(CultureInfo.InvariantCulture)
    {
        /// <summary>The last line without the program's name.</summary>
        public string? Last { get; private set; }

        public override void WriteLine(string? value)
        {
            log(value ?? "");
            if (value is { Length: > 0 }) Last = value.StartsWith("cones: ", StringComparison.Ordinal) ? value["cones: ".Length..] : value;
        }
    }
}
