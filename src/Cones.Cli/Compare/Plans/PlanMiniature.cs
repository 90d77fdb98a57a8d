using Cones.Cli.Compare.Tasks;

namespace Cones.Cli.Compare.Plans;

/// <summary>Makes of a plan one of seconds that takes the same ways: to see that everything is in place before hours are spent.</summary>
static class PlanMiniature
{
    const int Steps = 2;
    const int Rates = 2;

    /// <summary>One data set, the fewest shots, two seeds, two rates, two steps a stage.</summary>
    public static ComparisonPlan Of(ComparisonPlan plan, IComparisonTask task)
    {
        KeyValuePair<string, string?>[] options = [.. task.Miniature.Options.Select(o => new KeyValuePair<string, string?>(o.Key, o.Value))];
        return plan with
        {
            Title = plan.Title + " (miniature)",
            Datasets = [plan.Datasets[0]],
            SelectionDatasets = [],
            SelectionShots = [],
            SelectionSeeds = [plan.SelectionSeeds[0]],
            Shots = [plan.Shots.Min(s => s ?? int.MaxValue) is < int.MaxValue and var fewest ? fewest : null],
            Seeds = [.. plan.Seeds.Take(2)],
            ShotSeeds = [.. plan.ShotSeeds.Take(2)],
            Genres = [.. plan.Genres.Select(g => g with
            {
                LearningRates = [.. g.LearningRates.Take(Rates)],
                Stages = [.. g.Stages.Select(s => s with { Options = PlanOptions.Merge(s.Options, options) })],
            })],
            Budgets = [.. plan.Budgets.Select(b => b with { Name = b.Name + " (miniature)", Steps = b.Seconds is null ? Steps * plan.Genres.Max(g => g.Stages.Count) : 0, Seconds = b.Seconds is null ? null : 0.01 })],
            Evaluation = plan.Evaluation.Concat(task.Miniature.Evaluation.Select(e => KeyValuePair.Create(e.Key, (IReadOnlyList<string>)[e.Value])))
                .GroupBy(e => e.Key).ToDictionary(g => g.Key, g => g.Last().Value),
        };
    }
}
