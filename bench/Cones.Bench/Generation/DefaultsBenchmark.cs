using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Prompts;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Schedules;
using Cones.Tasks.Generation;

namespace Cones.Bench.Generation;

/// <summary>Compares slot rules, layers and learning rates on the sample concepts: how the defaults were chosen.</summary>
sealed class DefaultsBenchmark : IBenchmark
{
    public string Name => "generation-defaults";

    public string Description => "evaluation loss of every slot rule and some learning rates (embedded model, sample concepts) [concepts] [steps]";

    public JsonObject Run(string[] args)
    {
        var concepts = SampleConcept.All().Take(args.Length > 0 ? int.Parse(args[0]) : 2).ToArray();
        var steps = args.Length > 1 ? int.Parse(args[1]) : 60;
        var filter = args.Length > 2 ? args[2] : "";
        var rows = new JsonArray();
        foreach (var (label, change) in Variants().Where(v => v.Label.Contains(filter, StringComparison.Ordinal)))
        {
            var losses = new List<double[]>();
            var heldOut = new List<double>();
            var clock = Stopwatch.StartNew();
            foreach (var concept in concepts)
            {
                var options = change(Base(concept, steps));
                using var result = GenerationSearch.Run(options);
                losses.Add([.. result.Search!.Evaluations.Select(e => e.Loss)]);
                if (options.Method == GenerationMethod.Concept) heldOut.Add(HeldOutLoss(concept, options, result));
            }

            var mean = Enumerable.Range(0, losses[0].Length).Select(i => losses.Average(l => l[i])).ToArray();
            Console.Error.WriteLine($"{label,-40} {string.Join(" ", mean.Select(m => $"{m:0.0000}"))}  held out {(heldOut.Count > 0 ? heldOut.Average() : double.NaN):0.0000}  {clock.Elapsed.TotalSeconds:0} s");
            rows.Add(new JsonObject { ["variant"] = label, ["held_out_loss"] = heldOut.Count > 0 ? Math.Round(heldOut.Average(), 5) : null, ["mean_evaluation_loss"] = new JsonArray([.. mean.Select(m => (JsonNode)Math.Round(m, 5))]) });
        }

        return new JsonObject { ["concepts"] = concepts.Length, ["steps"] = steps, ["rows"] = rows };
    }

    // The loss on pictures of the same thing in other drawings and on other backgrounds, which the search did not see.
    static double HeldOutLoss(SampleConcept concept, GenerationSearchOptions options, GenerationSearchResult found)
    {
        var path = Path.Combine(Path.GetTempPath(), $"cones-bench-{Environment.ProcessId}.concept.safetensors");
        found.Concept.Save(path);
        try
        {
            using var result = GenerationSearch.Run(options with
            {
                Images = TrainingViews.ListImages(Path.Combine(concept.Folder, "eval")),
                StartConcept = path,
                Search = options.Search with { Steps = 1 },
            });
            return result.StartLoss;
        }
        finally
        {
            File.Delete(path);
        }
    }

    static GenerationSearchOptions Base(SampleConcept concept, int steps) => new()
    {
        Model = EmbeddedModels.Find(EmbeddedModels.StableDiffusion),
        Images = TrainingViews.ListImages(concept.Folder),
        Name = $"<{concept.Name}>",
        Init = [concept.Init],
        EvaluationRows = 24,
        Search = GenerationSearchOptions.DefaultSearch with { Steps = steps, EvaluationInterval = 10, EarlyStop = new EarlyStopOptions(), Schedule = new ScheduleOptions { Name = ScheduleKind.Cosine } },
    };

    static IEnumerable<(string Label, Func<GenerationSearchOptions, GenerationSearchOptions> Change)> Variants()
    {
        foreach (var (rule, rates) in ((SlotRule, double[])[])[(SlotRule.Overwrite, [.1, .3]), (SlotRule.Residual, [.1, .3]), (SlotRule.Delta, [.05, .2]), (SlotRule.DeltaPerSlot, [.03, .1])])
            foreach (var perLayer in (bool[])[false, true])
                foreach (var rate in rates)
                    yield return ($"{SlotRules.NameOf(rule)}{(perLayer ? " per layer" : "")} lr {rate}", o => o with { Rule = rule, PerLayer = perLayer, Search = o.Search with { Optimizer = o.Search.Optimizer with { LearningRate = rate } } });
        foreach (var rate in (double[])[2e-3, 1e-2, 3e-2])
            yield return ($"pseudo-word lr {rate}", o => o with { Method = GenerationMethod.PseudoWord, Search = o.Search with { Optimizer = new OptimizerOptions { LearningRate = rate } } });
    }
}
