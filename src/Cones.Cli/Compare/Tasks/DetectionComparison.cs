using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Options;
using Cones.Cli.Search;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Models;
using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Detection;
using Cones.Visualization;

namespace Cones.Cli.Compare.Tasks;

/// <summary>Detection: COCO's average precision on test images, all classes and each.</summary>
sealed class DetectionComparison : IComparisonTask
{
    /// <summary>What a metric of one class begins with.</summary>
    public const string ClassPrefix = "ap:";

    const int ExampleCount = 2;
    const int ExampleSide = 320;
    const int ExampleObjects = 25;

    public string Name => "detection";

    public string? EmbeddedModel => EmbeddedModels.Detector;

    public string ValidationKey => "val";

    public string CurveTitle => "validation loss";

    public string CurveScore => "validation AP";

    public IReadOnlyList<string> Methods { get; } = EnumNames<DetectionMethod>.All.Split(", ");

    public IReadOnlyList<PlanKey> DataKeys { get; } =
    [
        new("data", PlanValueKind.Path, Required: true),
        new("images", PlanValueKind.Path, Required: true),
        new("val", PlanValueKind.Path),
        new("test", PlanValueKind.Path, Required: true),
        new("classes", PlanValueKind.Text),
        new("shuffle-labels", PlanValueKind.Flag),
    ];

    public IReadOnlyList<PlanKey> EvaluationKeys { get; } = [new("images", PlanValueKind.Number), new("validation-images", PlanValueKind.Number), new("threshold", PlanValueKind.Number)];

    public IReadOnlyList<Metric> Metrics { get; } =
    [
        new("ap", "AP", Higher: true, "0.000"),
        new("ap50", "AP50", Higher: true, "0.000"),
        new("evaluation_loss", "loss, validation images", Higher: false, "0.000"),
        new("validation_ap", "AP, validation images", Higher: true, "0.000"),
    ];

    public IReadOnlyList<string> SelectionMetrics => ["validation_ap", "evaluation_loss"];

    public (IReadOnlyDictionary<string, string> Options, IReadOnlyDictionary<string, string> Evaluation) Miniature { get; } = (
        new Dictionary<string, string> { ["accumulate"] = "1", ["evaluate-every"] = "2" },
        new Dictionary<string, string> { ["images"] = "2", ["validation-images"] = "1" });

    public Command NewSearchCommand()
    {
        var command = new Command(Name);
        new DetectionOptionSet().AddTo(command);
        return command;
    }

    public IReadOnlyList<KeyValuePair<string, string?>> DataArguments(JobSpec job, string dataFolder)
    {
        var arguments = new List<KeyValuePair<string, string?>> { new("data", TrainingOf(job, dataFolder)), new("images", job.DataValue("images")) };
        if (job.DataValue("val") is not null) arguments.Add(new("val", ValidationOf(job, dataFolder)));
        if (job.DataValues("classes") is { Count: > 0 } classes) arguments.Add(new("classes", string.Join(",", classes)));
        if (job.Shots is { } shots) arguments.AddRange([new("shots", FormattableString.Invariant($"{shots}")), new("shot-seed", FormattableString.Invariant($"{job.ShotSeed}"))]);
        return arguments;
    }

    public string EvaluationCommand(JobSpec job, string concept, string dataFolder) =>
        $"cones evaluate detection --data {JobArguments.Written(job.DataValue("test")!)} --images {JobArguments.Written(job.DataValue("images")!)}{JobArguments.ModelOf(job)} --concept {concept}";

    // Names as they are: nothing is learnt from training images, whose loss counts only where there are no others.
    public bool IsFixed(JobSpec job) =>
        job.DataValue("val") is not null && job.Stages.All(s => s.Method == "text" && s.Options.All(o => o.Key != "candidates"));

    public void Prepare(JobSpec job, string dataFolder)
    {
        ShortenValidation(job, dataFolder);
        ShuffleLabels(job, dataFolder);
    }

    // As many validation images as the plan says, evenly taken.
    static void ShortenValidation(JobSpec job, string dataFolder)
    {
        if (job.DataValue("val") is not { } file || ValidationOf(job, dataFolder) is var target && (target == file || File.Exists(target))) return;
        Directory.CreateDirectory(dataFolder);
        CocoWriter.Write(Limited(job, Read(job, file), "validation-images"), target);
    }

    // The control of shuffled labels: every box keeps its place and gets the class of another.
    static void ShuffleLabels(JobSpec job, string dataFolder)
    {
        var target = TrainingOf(job, dataFolder);
        if (!job.DataFlag("shuffle-labels") || File.Exists(target)) return;
        Directory.CreateDirectory(dataFolder);
        var data = Read(job, job.DataValue("data")!);
        var labels = data.Images.SelectMany(i => i.Annotations).Select(a => a.CategoryId).ToArray();
        new Random((int)(SeedSequence.Derive(job.Seed, "labels") & int.MaxValue)).Shuffle(labels);
        var next = 0;
        CocoWriter.Write(new DetectionDataset(data.Categories, [.. data.Images.Select(i => i with { Annotations = [.. i.Annotations.Select(a => a with { CategoryId = labels[next++] })] })]), target);
    }

    // Scaled from a step of a network of GLIP's size; features are made once for every image.
    public JobEstimate Estimate(JobSpec job)
    {
        const double secondsPerWeightPixel = 5e-14, bytesPerPixel = 6000, programBytes = 4e8;
        var files = File.Exists(job.ModelPath) ? [new FileInfo(job.ModelPath)] : new DirectoryInfo(job.ModelPath).EnumerateFiles("*", SearchOption.AllDirectories).ToArray();
        var weights = files.Where(f => f.Extension is ".pth" or ".safetensors" or ".bin" or ".pt").Sum(f => f.Length);
        // Grounding DINO's pictures have the size that GLIP-T's have.
        var input = (File.Exists(Path.Combine(job.ModelPath, "config.json")) ? new GlipConfig() : GlipModel.ReadConfig(job.ModelPath)).Input;
        var pixels = (double)input.MinSize * Math.Min(input.MaxSize, input.MinSize * 4 / 3.0);
        var pass = secondsPerWeightPixel * (weights / 4.0) * pixels * 2 / Environment.ProcessorCount;
        var accumulate = job.Stages.SelectMany(s => s.Options).LastOrDefault(o => o.Key == "accumulate").Value is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : 4;
        var every = job.Stages.SelectMany(s => s.Options).LastOrDefault(o => o.Key == "evaluate-every").Value is { } interval ? int.Parse(interval, CultureInfo.InvariantCulture) : 10;
        var validation = job.DataValue("val") is { } val ? Limited(job, Read(job, val), "validation-images").Images.Count : 1;
        var test = Judged(job).Images.Count;
        var searches = job.Stages.Any(s => s.Method != "text");
        var full = job.Stages.Any(s => s.Method is "full");
        var evaluations = searches ? 1 + (Math.Max(job.Steps, 1) / Math.Max(1, every)) : 1;
        return new JobEstimate(searches ? 3 * pass * accumulate : 0, 5 + (pass * ((2 * test) + (evaluations * validation))), (long)(programBytes + (weights * (full ? 4.0 : 1)) + (bytesPerPixel * pixels)));
    }

    public StageOutcome Search(StageRun run)
    {
        var command = new Command(Name);
        var set = new DetectionOptionSet();
        set.AddTo(command);
        var parsed = command.Parse([.. run.Arguments]);
        if (parsed.Errors is [var error, ..]) throw new ConesException($"the options of '{run.Job.Genre}' cannot be used: {error.Message}");
        using var said = new LogWriter(run.Run.Log);
        var options = set.Read(parsed, said);
        if (options.Method.TrainsWeights() && !run.IsProbe) options = options with { ModelFolder = ModelOf(run.Run, run.Index) };
        using var folder = run.IsProbe ? null : RunFolder.Open(run.Run.RunFolderOf(run.Index), RunStart.ResumeOrNew, DetectionRunDescription.Describe(options));
        using var result = DetectionSearch.Run(options, folder, run.Recorder, run.Recorder.Stage, run.Run.Cancellation);
        if (result.Search?.Reason == StopReason.Cancelled) throw new OperationCanceledException(result.Search.Message);
        if (result.Search?.Reason == StopReason.NonFinite) throw new ConesException(result.Search.Message);
        if (!run.IsProbe) result.Concept.Save(run.Run.ConceptOf(run.Index));
        return new StageOutcome(
            result.StartLoss,
            result.BestLoss,
            result.Search?.Step ?? 0,
            result.Search?.BestStep ?? 0,
            result.TrainableParameters,
            result.Search?.Message ?? "names as they are",
            result.Search?.Evaluations ?? []);
    }

    public JobScores Evaluate(JobRun run)
    {
        var job = run.Job;
        var data = Judged(job);
        // A detector that was trained has its concept beside it.
        var trained = ModelOf(run, job.Stages.Count - 1);
        var (model, concept) = Directory.Exists(trained) ? (trained, Path.Combine(trained, DetectionSearchResult.ConceptName)) : (job.ModelPath, run.Concept);
        using var detector = Detectors.Load(model);
        using var finder = ObjectFinder.OfConcepts(detector, [concept], model);
        var ids = data.Categories.GroupBy(c => c.Name).ToDictionary(g => g.Key, g => g.First().Id);
        var (results, pictures) = (new List<CocoResult>(), new List<JobPicture>());
        foreach (var image in data.Images)
        {
            run.Cancellation.ThrowIfCancellationRequested();
            var picture = image.Load();
            FoundObject[] found = [.. finder.Find(picture).Where(f => ids.ContainsKey(f.Name))];
            results.AddRange(found.Select(f => new CocoResult { ImageId = image.Id, CategoryId = ids[f.Name], Score = f.Score, Box = f.Box }));
            if (!job.Selection && pictures.Count < ExampleCount) pictures.Add(Example(run, pictures.Count + 1, image, picture, found));
        }

        var evaluation = CocoEvaluator.Evaluate(data, results);
        // COCO's -1: nothing to judge.
        double Known(double value) => Math.Max(0, value);
        var metrics = new Dictionary<string, double>();
        if (job.Selection)
        {
            metrics["validation_ap"] = Known(evaluation.Stats.AP);
            return new JobScores(metrics, []);
        }

        (metrics["ap"], metrics["ap50"]) = (Known(evaluation.Stats.AP), Known(evaluation.Stats.AP50));
        foreach (var id in evaluation.CategoryIds.Where(id => finder.Names.Contains(data.Categories[data.CategoryIndex(id)].Name)))
            metrics[ClassPrefix + data.Categories[data.CategoryIndex(id)].Name] = Known(evaluation.ClassStats(id).AP);
        return new JobScores(metrics, pictures);
    }

    static JobPicture Example(JobRun run, int number, DatasetImage image, RgbImage picture, IReadOnlyList<FoundObject> found)
    {
        var threshold = run.Job.EvaluationValue("threshold") is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : 0.3;
        FoundObject[] shown = [.. found.Where(f => f.Score >= threshold).Take(ExampleObjects)];
        var drawn = DetectionPainter.Draw(picture, [.. shown.Select(f => new PaintedObject { Box = f.Box, Category = f.Class, Label = f.Name, Score = f.Score })]);
        var longer = (double)Math.Max(drawn.Width, drawn.Height);
        var small = longer > ExampleSide ? drawn.Resize((int)Math.Round(drawn.Width * ExampleSide / longer), (int)Math.Round(drawn.Height * ExampleSide / longer)) : drawn;
        var file = $"example-{number}.png";
        small.Save(Path.Combine(run.Folder, file));
        var counts = shown.GroupBy(f => f.Name).Select(g => $"{g.Count()} x {g.Key}");
        return new JobPicture(file, $"{image.FileName}: {(shown.Length == 0 ? "nothing" : string.Join(", ", counts))} at {threshold.ToString(CultureInfo.InvariantCulture)} or more");
    }

    static DetectionDataset Read(JobSpec job, string file) => CocoReader.Read(file, new DataReadOptions { Checks = DataChecks.Skip, ImageFolder = job.DataValue("images") }).Dataset;

    static DetectionDataset Judged(JobSpec job) =>
        job.Selection ? Limited(job, Read(job, job.DataValue("val")!), "validation-images") : Limited(job, Read(job, job.DataValue("test")!), "images");

    // So many images, evenly taken.
    static DetectionDataset Limited(JobSpec job, DetectionDataset data, string key)
    {
        if (NumberOf(job, key) is not { } count || count >= data.Images.Count) return data;
        return data.Select([.. Enumerable.Range(0, count).Select(i => data.Images[(int)((long)i * data.Images.Count / count)].Id)]);
    }

    static int? NumberOf(JobSpec job, string key) =>
        job.EvaluationValue(key) is { } text ? Math.Max(1, (int)double.Parse(text, CultureInfo.InvariantCulture)) : null;

    static string ModelOf(JobRun run, int stage) => Path.Combine(run.Folder, $"{stage + 1}.model");

    static string ValidationOf(JobSpec job, string dataFolder)
    {
        var file = job.DataValue("val")!;
        return NumberOf(job, "validation-images") is { } count ? Path.Combine(dataFolder, FormattableString.Invariant($"val-{Digest(file)}-{count}.json")) : file;
    }

    static string TrainingOf(JobSpec job, string dataFolder)
    {
        var file = job.DataValue("data")!;
        if (!job.DataFlag("shuffle-labels")) return file;
        return Path.Combine(dataFolder, FormattableString.Invariant($"shuffled-{Digest(file)}-{job.Seed}.json"));
    }

    static string Digest(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))[..8];

    // What readers say goes into the job's log, line by line.
    sealed class LogWriter(Action<string> log) : StringWriter(CultureInfo.InvariantCulture)
    {
        public override void WriteLine(string? value) => log(value ?? "");
    }
}
