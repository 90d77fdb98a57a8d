using Cones.Search;
using Cones.Search.Runs;

namespace Cones.Tests.Search;

/// <summary>Searches whose best step is chosen by a score.</summary>
public sealed class ScoreTests : IDisposable
{
    static readonly SearchOptions s_options = new() { Steps = 20, EvaluationInterval = 2, CheckpointInterval = 1, CheckpointSeconds = 0, Optimizer = new() { LearningRate = 0.05 } };

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_step_with_the_highest_score_is_best_whatever_its_loss()
    {
        using var problem = new TinyProblem { Scored = loss => loss };
        using var result = TinySearch.Run(problem, s_options);
        var best = result.Evaluations.MaxBy(e => e.Score)!;
        Assert.Equal((best.Step, best.Loss, best.Score), (result.BestStep, result.BestLoss, result.BestScore));
        Assert.NotEqual(result.Evaluations.Min(e => e.Loss), result.BestLoss);
    }

    [Fact]
    public void Of_equal_scores_the_lowest_loss_is_best()
    {
        using var problem = new TinyProblem { Scored = _ => 0 };
        using var result = TinySearch.Run(problem, s_options);
        Assert.Equal(result.Evaluations.Min(e => e.Loss), result.BestLoss);
        using var plain = new TinyProblem();
        using var other = TinySearch.Run(plain, s_options);
        Assert.Equal((other.BestStep, other.BestLoss, (double?)null), (result.BestStep, result.BestLoss, other.BestScore));
    }

    [Fact]
    public void Scores_outlive_a_checkpoint()
    {
        using var problem = new TinyProblem { Scored = loss => -Math.Abs(loss - 1) };
        SearchResult whole;
        using (var folder = RunFolder.Open(_folder["whole"])) whole = TinySearch.Run(problem, s_options, folder);
        using var cut = new TinyProblem { Scored = loss => -Math.Abs(loss - 1), BeforeLoss = (step, _) => _ = step == 13 ? throw new InvalidOperationException() : 0 };
        using (var folder = RunFolder.Open(_folder["cut"])) Assert.Throws<InvalidOperationException>(() => TinySearch.Run(cut, s_options, folder));
        using var again = new TinyProblem { Scored = loss => -Math.Abs(loss - 1) };
        using (var folder = RunFolder.Open(_folder["cut"]))
        using (var resumed = TinySearch.Run(again, s_options, folder))
        {
            Assert.Equal(whole.Evaluations, resumed.Evaluations);
            Assert.Equal((whole.BestStep, whole.BestScore), (resumed.BestStep, resumed.BestScore));
        }

        whole.Dispose();
        Assert.Equal(File.ReadAllBytes(_folder["whole/metrics.jsonl"]), File.ReadAllBytes(_folder["cut/metrics.jsonl"]));
        Assert.Contains("evaluation_score", File.ReadAllText(_folder["cut/metrics.jsonl"]));
    }
}
