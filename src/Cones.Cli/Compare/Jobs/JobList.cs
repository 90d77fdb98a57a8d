using Cones.Cli.Compare.Plans;
using Cones.Cli.Compare.Tasks;

namespace Cones.Cli.Compare.Jobs;

/// <summary>What a learning rate is chosen for: a genre on a model with a budget, on one data set or on all, with some shots or with any.</summary>
sealed record RateCell(string Model, string? Dataset, string Genre, int? Shots, string Budget);

/// <summary>The jobs of a plan.</summary>
sealed class JobList(ComparisonPlan plan, IComparisonTask task, FileDigests digests)
{
    /// <summary>The runs that learning rates are chosen by: every rate of every genre that has several.</summary>
    public IReadOnlyList<JobSpec> Selection() =>
    [
        .. from cell in Cells(d => plan.SelectionDatasets.Count == 0 || plan.SelectionDatasets.Contains(d.Name))
           where cell.Genre.LearningRates.Count > 1 && (plan.SelectionShots.Count == 0 || plan.SelectionShots.Contains(cell.Shots))
           from seed in plan.SelectionSeeds.Select((seed, i) => (Seed: seed, Shot: plan.ShotSeeds[i % plan.ShotSeeds.Count]))
           from rate in cell.Genre.LearningRates
           select Job(cell, seed.Seed, seed.Shot, rate, selection: true),
    ];

    /// <summary>The runs that are reported.</summary>
    /// <param name="rateOf">The learning rate that was chosen for a cell.</param>
    public IReadOnlyList<JobSpec> Reported(Func<RateCell, double> rateOf) =>
    [
        .. from cell in Cells(_ => true)
           from seed in plan.Seeds.Zip(plan.ShotSeeds)
           let rate = cell.Genre.LearningRates switch
           {
               [] => (double?)null,
               [var only] => only,
               _ => rateOf(CellOf(cell)),
           }
           select Job(cell, seed.First, seed.Second, rate, selection: false),
    ];

    /// <summary>The cell of a job that helps to choose.</summary>
    public RateCell CellOf(JobSpec job) => new(job.Model, plan.SelectionDatasets.Count == 0 ? job.Dataset : null, job.Genre, plan.SelectionShots.Count == 0 ? job.Shots : null, job.Budget);

    RateCell CellOf(Cell cell) => new(cell.Model.Name, plan.SelectionDatasets.Count == 0 ? cell.Dataset.Name : null, cell.Genre.Name, plan.SelectionShots.Count == 0 ? cell.Shots : null, cell.Budget.Name);

    IEnumerable<Cell> Cells(Func<PlanDataset, bool> includes) =>
        from model in plan.Models
        from budget in plan.Budgets
        from shots in plan.Shots
        from dataset in plan.Datasets.Where(includes)
        from genre in plan.Genres
        select new Cell(model, budget, shots, dataset, genre);

    JobSpec Job(Cell cell, long seed, long shotSeed, double? rate, bool selection)
    {
        var (model, budget, shots, dataset, genre) = cell;
        var job = new JobSpec
        {
            Task = plan.Task,
            Model = model.Name,
            ModelPath = genre.Model ?? model.Path,
            Dataset = dataset.Name,
            Data = dataset.Values.Concat(genre.Data).GroupBy(v => v.Key).ToDictionary(g => g.Key, g => (IReadOnlyList<string>)[.. g.Last().Value.Select(v => PlanPaths.For(v, shots, shotSeed))]),
            Genre = genre.Name,
            Shots = shots,
            Seed = seed,
            ShotSeed = shotSeed,
            Budget = budget.Name,
            Selection = selection,
            LearningRate = rate,
            Steps = budget.Steps,
            Seconds = budget.Seconds,
            Stages = [.. genre.Stages.Select(s => new JobStage(s.Method, PlanOptions.Merge(s.Options, budget.Options), s.Share))],
            Evaluation = plan.Evaluation,
        };
        return job with { Key = JobKeys.Of(job, task, digests) };
    }

    sealed record Cell(PlanModel Model, PlanBudget Budget, int? Shots, PlanDataset Dataset, PlanGenre Genre);
}
