using System.CommandLine;
using System.Globalization;
using Cones.Cli.Compare.Jobs;
using Cones.Cli.Evaluate;
using Cones.Cli.Search;
using Cones.Concepts;
using Cones.Evaluation;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.Weights;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Generation;

namespace Cones.Cli.Compare.Tasks;

/// <summary>Personalised generation: the denoising loss on pictures that were not searched on, CLIP-I, CLIP-T and KID of drawn pictures.</summary>
sealed class GenerationComparison : IComparisonTask
{
    // Pictures of other runs begin with other noise.
    const int SeedsPerRun = 1000;
    const int ExampleCount = 4;
    const int ExampleSide = 128;

    public string Name => "generation";

    public string? EmbeddedModel => EmbeddedModels.StableDiffusion;

    public string ValidationKey => "validation";

    public string CurveTitle => "frozen evaluation loss";

    public IReadOnlyList<string> Methods => GenerationMethods.Names;

    public IReadOnlyList<PlanKey> DataKeys { get; } =
    [
        new("images", PlanValueKind.Paths, Required: true),
        new("name", PlanValueKind.Text, Required: true),
        new("init", PlanValueKind.Text),
        new("class", PlanValueKind.Text),
        new("validation", PlanValueKind.Paths),
        new("test", PlanValueKind.Paths, Required: true),
    ];

    public IReadOnlyList<PlanKey> EvaluationKeys { get; } =
    [
        new("clip", PlanValueKind.Path),
        new("prompts", PlanValueKind.Path),
        new("count", PlanValueKind.Number),
        new("steps", PlanValueKind.Number),
        new("guidance", PlanValueKind.Number),
        new("rows", PlanValueKind.Number),
    ];

    public IReadOnlyList<Metric> Metrics { get; } =
    [
        new("evaluation_loss", "loss, training pictures", Higher: false, "0.0000"),
        new("test_loss", "loss, held-out pictures", Higher: false, "0.0000"),
        new("clip_i", "CLIP-I", Higher: true, "0.000"),
        new("clip_t", "CLIP-T", Higher: true, "0.000"),
        new("kid", "KID", Higher: false, "0.0000"),
        new("validation_loss", "loss, validation pictures", Higher: false, "0.0000"),
    ];

    public IReadOnlyList<string> SelectionMetrics => ["validation_loss"];

    public (IReadOnlyDictionary<string, string> Options, IReadOnlyDictionary<string, string> Evaluation) Miniature { get; } = (
        new Dictionary<string, string> { ["batch"] = "1", ["evaluation-batch"] = "2", ["evaluate-every"] = "1", ["accumulate"] = "1" },
        new Dictionary<string, string> { ["count"] = "1", ["steps"] = "1", ["rows"] = "1" });

    public Command NewSearchCommand()
    {
        var command = new Command(Name);
        new GenerationOptionSet().AddTo(command);
        return command;
    }

    public IReadOnlyList<KeyValuePair<string, string?>> DataArguments(JobSpec job, string dataFolder)
    {
        var arguments = new List<KeyValuePair<string, string?>> { new("images", FolderOf(job, "images", job.Shots, dataFolder)), new("name", job.DataValue("name")) };
        if (job.DataValues("init") is { Count: > 0 } init) arguments.Add(new("init", string.Join(",", init)));
        return arguments;
    }

    public string EvaluationCommand(JobSpec job, string concept, string dataFolder)
    {
        var words = ClassOf(job) is { } name ? $" --class {JobArguments.Quoted(name)}" : "";
        var guidance = job.EvaluationValue("guidance") is { } scale ? $" --guidance {scale}" : "";
        var line = $"cones evaluate generation --real {JobArguments.Written(FolderOf(job, "test", null, dataFolder))} --concept {concept}{JobArguments.ModelOf(job)}{words}{guidance} -n {Count(job)} --steps {Steps(job)} --seed {job.Seed * SeedsPerRun}";
        return job.Stages[^1].Method == "full" ? line + "   # with unet/ of the search's run folder in place of the model's" : line;
    }

    // Folders with the pictures of a list, or with some of them, chosen by the seed; captions go along.
    public void Prepare(JobSpec job, string dataFolder)
    {
        Prepare(job, "images", job.Shots, dataFolder);
        Prepare(job, "test", null, dataFolder);
    }

    static void Prepare(JobSpec job, string key, int? some, string dataFolder)
    {
        var target = FolderOf(job, key, some, dataFolder);
        if (Directory.Exists(target) || File.Exists(target)) return;
        IEnumerable<string> images = [.. job.DataValues(key).SelectMany(TrainingViews.ListImages)];
        if (some is { } shots)
        {
            if (shots > images.Count()) throw new ConesException($"{job.Dataset} has {images.Count()} pictures, {shots} shots were asked for");
            images = images.OrderBy(i => SeedSequence.Derive(job.ShotSeed, "shots:" + Path.GetFileName(i))).Take(shots).Order(StringComparer.Ordinal);
        }

        var temporary = $"{target}.{Guid.NewGuid():n}.tmp";
        Directory.CreateDirectory(temporary);
        foreach (var (image, i) in images.Select((image, i) => (image, i)))
        {
            // Numbered: pictures of two folders may have one name.
            File.Copy(image, Path.Combine(temporary, $"{i:00}-{Path.GetFileName(image)}"));
            var caption = Path.ChangeExtension(image, ".txt");
            if (File.Exists(caption)) File.Copy(caption, Path.Combine(temporary, $"{i:00}-{Path.GetFileName(caption)}"));
        }

        try
        {
            Directory.Move(temporary, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            Directory.Delete(temporary, recursive: true); // another worker was quicker
        }
    }

    // Scaled from measured steps: 66 ms of four pictures with the embedded model, 7.9 s and 3.3 GB beside the weights of one with Stable
    // Diffusion 1.5 at 512 pixels, on two cores with AVX-512.
    public JobEstimate Estimate(JobSpec job)
    {
        const double secondsPerUnit = 3e-12, bytesPerPosition = 2500, programBytes = 4e8;
        using var model = GenerationModel.FromFolder(job.ModelPath);
        using var bare = new UNet2DConditionModel(model.UNetConfig);
        var weights = 4 * bare.CountParameters();
        double Option(string name, double otherwise) => job.Stages.SelectMany(s => s.Options).LastOrDefault(o => o.Key == name).Value is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        var resolution = Option("resolution", 0) is > 0 and var side ? side : model.Resolution;
        var positions = Math.Pow(resolution / model.VaeConfig.Reduction, 2);
        var batch = Option("batch", 4);
        var full = job.Stages.Any(s => s.Method == "full");
        var perStep = secondsPerUnit * (weights / 4.0) * positions * batch * Option("accumulate", 1) * (full ? 1.5 : 1) * 2 / Environment.ProcessorCount;
        var drawn = job.Selection ? 0 : (double)Count(job) * (PromptTemplates.OfModel(job.ModelPath) ?? PromptTemplates.Object).Count * Steps(job);
        var evaluations = 1 + (Math.Max(job.Steps, 1) / Math.Max(1, Option("evaluate-every", 10)));
        var other = 5 + (perStep / batch / 3 * ((2 * drawn) + (evaluations * Option("evaluation-batch", 16)) + (2 * Rows(job))));
        var searches = job.Stages.Any(s => s.Method is not ("text" or "words"));
        return new JobEstimate(searches ? perStep : 0, other, (long)(programBytes + (weights * (full ? 4.0 : 1)) + (bytesPerPosition * positions * batch * model.UNetConfig.BlockOutChannels[0])));
    }

    public StageOutcome Search(StageRun run)
    {
        var command = new Command(Name);
        var set = new GenerationOptionSet();
        set.AddTo(command);
        var parsed = command.Parse([.. run.Arguments]);
        if (parsed.Errors is [var error, ..]) throw new ConesException($"the options of '{run.Job.Genre}' cannot be used: {error.Message}");
        var options = set.Read(parsed);
        using var folder = run.IsProbe ? null : RunFolder.Open(run.Run.RunFolderOf(run.Index), RunStart.ResumeOrNew, GenerationRunDescription.Describe(options));
        using var result = GenerationSearch.Run(options, folder, run.Recorder, run.Recorder.Stage, cancellation: run.Run.Cancellation);
        if (result.Search?.Reason == StopReason.Cancelled) throw new OperationCanceledException(result.Search.Message);
        if (result.Search?.Reason == StopReason.NonFinite) throw new ConesException(result.Search.Message);
        if (!run.IsProbe) result.Concept.Save(run.Run.ConceptOf(run.Index));
        return new StageOutcome(
            result.StartLoss,
            result.BestLoss,
            result.Search?.Step ?? 0,
            result.Search?.BestStep ?? 0,
            result.Search?.Best.Values.Sum(t => t.numel()) ?? 0,
            result.Search?.Message ?? (result.Candidates.Count > 0 ? $"'{result.BaseText}' is the best of {result.Candidates.Count} names" : $"the name '{result.BaseText}'"),
            result.Search?.Evaluations ?? []);
    }

    public JobScores Evaluate(JobRun run)
    {
        var job = run.Job;
        var denoiser = run.LastMethod == "full" ? Path.Combine(run.LastRunFolder, "unet") : null;
        using var concept = ConceptFile.Load(run.Concept);
        var metrics = new Dictionary<string, double>();
        if (job.Selection)
        {
            metrics["validation_loss"] = Loss("validation");
            return new JobScores(metrics, []);
        }

        metrics["test_loss"] = Loss("test");
        var loading = new LoadOptions();
        var pictures = new DrawnPictures(job.ModelPath, concept, ClassOf(job), job.EvaluationValue("prompts"), denoiser);
        var drawn = pictures.Draw(loading, Count(job), (ulong)(job.Seed * SeedsPerRun), pipeline => Drawing(job, pipeline), null, run.Log, run.Cancellation);
        using var judge = ClipJudge.FromFolder(job.EvaluationValue("clip") ?? EmbeddedModels.Find(EmbeddedModels.Clip), loading);
        var scores = PictureScores.Compute(judge, [.. Files("test").Select(f => RgbImage.Load(f))], drawn, (ulong)job.Seed);
        metrics["clip_i"] = scores.ClipI.Mean;
        if (scores.ClipT is { } clipT) metrics["clip_t"] = clipT.Mean;
        if (scores.Kid is { } kid) metrics["kid"] = kid.Mean;
        return new JobScores(metrics, [Examples(drawn, run.Folder)]);

        double Loss(string key) => ConceptLoss.Of(concept, new GenerationSearchOptions
        {
            Model = job.ModelPath,
            Images = Files(key),
            Name = job.DataValue("name")!,
            Flip = false,
            EvaluationRows = Rows(job),
            Search = new SearchOptions { Seed = job.Seed },
        }, denoiser);

        IReadOnlyList<string> Files(string key) => [.. job.DataValues(key).SelectMany(TrainingViews.ListImages)];
    }

    static JobPicture Examples(IReadOnlyList<DrawnPrompt> drawn, string folder)
    {
        DrawnPrompt[] shown = [.. drawn.Take(ExampleCount)];
        RgbImage[] images = [.. shown.Select(d => d.Images[0]).Select(i => Math.Max(i.Width, i.Height) > ExampleSide ? i.Resize(ExampleSide * i.Width / Math.Max(i.Width, i.Height), ExampleSide * i.Height / Math.Max(i.Width, i.Height)) : i)];
        const string file = "examples.png";
        RgbImage.Grid(images, images.Length).Save(Path.Combine(folder, file));
        return new JobPicture(file, string.Join("; ", shown.Select(d => d.Text)));
    }

    static GenerationOptions Drawing(JobSpec job, DiffusionPipeline pipeline) => new()
    {
        Steps = Steps(job),
        GuidanceScale = Number(job, "guidance"),
        Scheduler = SchedulerNames.Configure("dpmpp-2m", pipeline.Scheduler),
    };

    static string? ClassOf(JobSpec job) => job.DataValue("class") ?? job.DataValue("init");

    static int Count(JobSpec job) => (int)(Number(job, "count") ?? 2);

    static int Steps(JobSpec job) => (int)(Number(job, "steps") ?? 20);

    static int Rows(JobSpec job) => (int)(Number(job, "rows") ?? 24);

    static double? Number(JobSpec job, string key) => job.EvaluationValue(key) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : null;

    static string FolderOf(JobSpec job, string key, int? shots, string dataFolder)
    {
        var images = job.DataValues(key);
        if (shots is null && images.Count == 1) return images[0];
        var seed = shots is null ? 0 : job.ShotSeed;
        return Path.Combine(dataFolder, FormattableString.Invariant($"{key}-{shots ?? images.Count}-{seed}-{SeedSequence.Derive(seed, $"pictures:{shots}:{string.Join('|', images)}"):x16}"));
    }
}
