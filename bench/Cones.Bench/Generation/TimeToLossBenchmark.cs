using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Schedules;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Generation;

/// <summary>
/// Wall-clock to the same frozen evaluation loss: the default concept search against textual inversion by the published
/// recipe and against textual inversion at its best. Only steps are timed, not evaluations.
/// </summary>
sealed class TimeToLossBenchmark : IBenchmark
{
    const int BatchSize = 4;

    static readonly double[] s_rates = [2e-3, 1e-2, 3e-2];

    public string Name => "generation-time-to-loss";

    public string Description => "wall-clock to textual inversion's loss (embedded model, sample concepts) [concepts] [seeds] [steps]";

    public JsonObject Run(string[] args)
    {
        var concepts = SampleConcept.All().Take(args.Length > 0 ? int.Parse(args[0]) : 5).ToArray();
        var seeds = args.Length > 1 ? int.Parse(args[1]) : 3;
        var steps = args.Length > 2 ? int.Parse(args[2]) : 200;
        MachineReport.Measure();

        // The tuned rate: the lowest mean final loss over all concepts with a seed that is not measured below.
        var tuned = s_rates.MinBy(rate => concepts.Average(c => Run(c, -1, steps, PseudoWord(rate), 0).Min(p => p.Loss)));
        Console.Error.WriteLine($"tuned rate of the pseudo-word: {tuned}");

        var rows = new JsonArray();
        var (recipeRatios, tunedRatios, missed) = (new List<double>(), new List<double>(), 0);
        foreach (var concept in concepts)
        {
            for (var seed = 0; seed < seeds; seed++)
            {
                var recipeCost = RecipeSecondsPerStep(concept);
                var recipe = Run(concept, seed, steps, PseudoWord(s_rates[0]), recipeCost);
                var best = Run(concept, seed, steps, PseudoWord(tuned), 0);
                var found = Run(concept, seed, steps, o => o, 0);
                var recipeGoal = recipe.MinBy(p => p.Loss)!;
                var tunedGoal = best.MinBy(p => p.Loss)!;
                var toRecipe = found.FirstOrDefault(p => p.Loss <= recipeGoal.Loss);
                var toTuned = found.FirstOrDefault(p => p.Loss <= tunedGoal.Loss);
                if (toRecipe is not null) recipeRatios.Add(recipeGoal.Seconds / toRecipe.Seconds);
                if (toTuned is not null) tunedRatios.Add(tunedGoal.Seconds / toTuned.Seconds);
                missed += (toRecipe is null ? 1 : 0) + (toTuned is null ? 1 : 0);
                var row = new JsonObject
                {
                    ["concept"] = concept.Name,
                    ["seed"] = seed,
                    ["recipe_loss"] = Math.Round(recipeGoal.Loss, 4),
                    ["recipe_steps"] = recipeGoal.Step,
                    ["recipe_s"] = Math.Round(recipeGoal.Seconds, 2),
                    ["concept_to_recipe_steps"] = toRecipe?.Step,
                    ["concept_to_recipe_s"] = toRecipe is null ? null : Math.Round(toRecipe.Seconds, 2),
                    ["tuned_loss"] = Math.Round(tunedGoal.Loss, 4),
                    ["tuned_steps"] = tunedGoal.Step,
                    ["tuned_s"] = Math.Round(tunedGoal.Seconds, 2),
                    ["concept_to_tuned_steps"] = toTuned?.Step,
                    ["concept_to_tuned_s"] = toTuned is null ? null : Math.Round(toTuned.Seconds, 2),
                    ["concept_loss"] = Math.Round(found.Min(p => p.Loss), 4),
                };
                Console.Error.WriteLine(row.ToJsonString());
                rows.Add(row);
            }
        }

        return new JsonObject
        {
            ["speedup"] = Mean(recipeRatios),
            ["speedup_sd"] = Deviation(recipeRatios),
            ["speedup_tuned"] = Mean(tunedRatios),
            ["speedup_tuned_sd"] = Deviation(tunedRatios),
            ["missed"] = missed,
            ["tuned_rate"] = tuned,
            ["steps"] = steps,
            ["rows"] = rows,
        };
    }

    static Func<GenerationSearchOptions, GenerationSearchOptions> PseudoWord(double rate) => o => o with
    {
        Method = GenerationMethod.PseudoWord,
        Timesteps = TimestepSampling.Uniform,
        Search = o.Search with { Optimizer = new OptimizerOptions { LearningRate = rate }, Schedule = new ScheduleOptions() },
    };

    /// <summary>Loss against seconds of one search; <paramref name="extraSeconds"/> are added to every step.</summary>
    static List<Point> Run(SampleConcept concept, long seed, int steps, Func<GenerationSearchOptions, GenerationSearchOptions> change, double extraSeconds)
    {
        var options = change(new GenerationSearchOptions
        {
            Model = EmbeddedModels.Find(EmbeddedModels.StableDiffusion),
            Images = TrainingViews.ListImages(concept.Folder),
            Name = $"<{concept.Name}>",
            Init = [concept.Init],
            EvaluationRows = 24,
            Search = GenerationSearchOptions.DefaultSearch with { Steps = steps, Seed = seed, EvaluationInterval = 5, EarlyStop = new EarlyStopOptions() },
        });
        var recorder = new Recorder(extraSeconds);
        using var result = GenerationSearch.Run(options, observer: recorder);
        return recorder.Points;
    }

    /// <summary>What the published recipe does beside: the autoencoder on every picture, and an optimiser over the whole token table.</summary>
    static double RecipeSecondsPerStep(SampleConcept concept)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = GenerationModel.FromFolder(EmbeddedModels.Find(EmbeddedModels.StableDiffusion));
        using var vae = model.LoadVae();
        using var text = model.LoadText();
        var views = TrainingViews.Load(new GenerationSearchOptions { Model = "", Images = TrainingViews.ListImages(concept.Folder).Take(BatchSize).ToArray(), Flip = false }, model.Resolution);
        var pixels = cat([.. views.Pixels], 0);
        var table = text.Encoder.TokenTable.clone();
        using var optimizer = Optimizer.Create(new OptimizerOptions(), [new("table", table.requires_grad_())]);
        var gradient = zeros_like(table);
        var times = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            using var inner = NewDisposeScope();
            var start = Stopwatch.GetTimestamp();
            _ = vae.Encode(pixels);
            optimizer.Step(1e-4, [gradient]);
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        times.Sort();
        return times[times.Count / 2];
    }

    static double Mean(List<double> values) => values.Count == 0 ? 0 : Math.Round(values.Average(), 2);

    static double Deviation(List<double> values) =>
        values.Count == 0 ? 0 : Math.Round(Math.Sqrt(values.Average(v => Math.Pow(v - values.Average(), 2))), 2);

    sealed record Point(int Step, double Seconds, double Loss);

    /// <summary>
    /// Losses by step. Every step of a search does the same work: its time is the median of all, which another program's short
    /// bursts do not change.
    /// </summary>
    sealed class Recorder(double extraSeconds) : ISearchObserver
    {
        readonly List<double> _steps = [];
        readonly List<(int Step, double Loss)> _losses = [];

        public List<Point> Points => [.. _losses.Select(l => new Point(l.Step, l.Step * (StepTimer.MedianOf(_steps) + extraSeconds), l.Loss))];

        public void OnStep(StepReport report) => _steps.Add(BatchSize / report.ImagesPerSecond);

        public void OnEvaluation(EvaluationReport evaluation, bool best)
        {
            if (evaluation.Step > 0) _losses.Add((evaluation.Step, evaluation.Loss));
        }
    }
}
