using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Search.EarlyStopping;
using Cones.Tasks.Generation;

namespace Cones.Bench.Generation;

/// <summary>
/// What each early-stopping rule would have cost and saved in whole searches: how the default was chosen. One search a concept
/// and seed runs to its end; the rules are then applied to its evaluation losses, so that all see the same searches.
/// </summary>
sealed class EarlyStopBenchmark : IBenchmark
{
    public string Name => "generation-early-stop";

    public string Description => "steps saved and loss given up by each stopping rule (embedded model, sample concepts) [concepts] [seeds] [steps]";

    public JsonObject Run(string[] args)
    {
        var concepts = SampleConcept.All().Take(args.Length > 0 ? int.Parse(args[0]) : 5).ToArray();
        var seeds = args.Length > 1 ? int.Parse(args[1]) : 2;
        var steps = args.Length > 2 ? int.Parse(args[2]) : GenerationSearchOptions.DefaultSearch.Steps;
        var searches = (from concept in concepts from seed in Enumerable.Range(0, seeds) select Losses(concept, seed, steps)).ToArray();
        var evaluations = searches[0].Length - 1;
        var rows = new JsonArray();
        foreach (var (label, rule) in Rules())
        {
            var stops = searches.Select(losses => StopAt(rule.For(evaluations), losses)).ToArray();
            var gaps = searches.Zip(stops, (losses, stop) => losses[..(stop + 1)].Min() - losses.Min()).ToArray();
            var gains = searches.Select(losses => losses[0] - losses.Min()).ToArray();
            var row = new JsonObject
            {
                ["rule"] = label,
                ["stopped"] = stops.Count(s => s < evaluations),
                ["steps_share"] = Math.Round(stops.Average() / evaluations, 3),
                ["lost_share_of_gain"] = Math.Round(gaps.Zip(gains, (gap, gain) => gap / gain).Average(), 4),
                ["lost_share_worst"] = Math.Round(gaps.Zip(gains, (gap, gain) => gap / gain).Max(), 4),
            };
            Console.Error.WriteLine(row.ToJsonString());
            rows.Add(row);
        }

        return new JsonObject
        {
            ["searches"] = searches.Length,
            ["steps"] = steps,
            ["evaluations"] = evaluations,
            ["rows"] = rows,
            ["losses"] = new JsonArray([.. searches.Select(losses => (JsonNode)new JsonArray([.. losses.Select(l => (JsonNode)Math.Round(l, 4))]))]),
        };
    }

    static double[] Losses(SampleConcept concept, int seed, int steps)
    {
        using var result = GenerationSearch.Run(new GenerationSearchOptions
        {
            Model = EmbeddedModels.Find(EmbeddedModels.StableDiffusion),
            Images = TrainingViews.ListImages(concept.Folder),
            Name = $"<{concept.Name}>",
            Init = [concept.Init],
            Search = GenerationSearchOptions.DefaultSearch with { Steps = steps, Seed = seed, EarlyStop = new EarlyStopOptions() },
        });
        var losses = result.Search!.Evaluations.Select(e => e.Loss).ToArray();
        Console.Error.WriteLine($"{concept.Name} {seed}: {string.Join(" ", losses.Select(l => $"{l:0.0000}"))}");
        return losses;
    }

    // The index of the evaluation after which the rule ends the search; the last one where it never does.
    static int StopAt(EarlyStopOptions rule, double[] losses) =>
        Enumerable.Range(1, losses.Length - 1).FirstOrDefault(i => EarlyStopRule.Reason(rule, losses[..(i + 1)]) is not null, losses.Length - 1);

    static IEnumerable<(string Label, EarlyStopOptions Rule)> Rules()
    {
        yield return ("none", new EarlyStopOptions());
        yield return ("plateau, a third of all", new EarlyStopOptions { Name = EarlyStopKind.Plateau, Patience = 0 });
        for (var patience = 1; patience <= 4; patience++)
            yield return ($"plateau {patience}", new EarlyStopOptions { Name = EarlyStopKind.Plateau, Patience = patience });
        foreach (var threshold in (double[])[0.01, 0.05, 0.15])
        {
            yield return ($"variance, half of all, {threshold}", new EarlyStopOptions { Name = EarlyStopKind.Variance, Window = 0, Threshold = threshold });
            yield return ($"variance 4, {threshold}", new EarlyStopOptions { Name = EarlyStopKind.Variance, Window = 4, Threshold = threshold });
        }
    }
}
