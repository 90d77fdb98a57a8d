using Cones.Models;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Search;

public sealed class SearchLoopTests
{
    static readonly SearchOptions s_options = new()
    {
        Steps = 60,
        EvaluationInterval = 5,
        Optimizer = new() { LearningRate = 0.1, WeightDecay = 0 },
    };

    [Fact]
    public void It_finds_the_minimum_and_reports_on_the_way()
    {
        using var problem = new TinyProblem();
        var observer = new RecordingObserver();
        using var result = TinySearch.Run(problem, s_options with { Steps = 300 }, observer: observer, time: new FakeTime(TimeSpan.FromSeconds(0.5)));
        Assert.Equal(StopReason.Completed, result.Reason);
        Assert.Equal(300, result.Step);
        Assert.True(result.BestLoss < 1e-4, $"{result.BestLoss}");
        Assert.Equal(result.BestLoss, result.Evaluations.Min(e => e.Loss));
        Assert.Equal(result.BestStep, result.Evaluations.MinBy(e => e.Loss)!.Step);
        Assert.Equal(Enumerable.Range(0, 61).Select(i => i * 5), result.Evaluations.Select(e => e.Step));
        Assert.Equal([(0, 300)], observer.Started);
        Assert.Equal(Enumerable.Range(1, 300), observer.Steps.Select(s => s.Step));
        Assert.All(observer.Steps, s => Assert.Equal(problem.BatchSize / 0.5, s.ImagesPerSecond));
        Assert.Equal(TimeSpan.Zero, observer.Steps[^1].Remaining);
        Assert.True(observer.Steps[0].Remaining > TimeSpan.FromSeconds(100));
        Assert.Equal(StopReason.Completed, observer.Stopped!.Value.Reason);
    }

    [Fact]
    public void One_seed_gives_one_result_and_another_seed_another()
    {
        Assert.Equal(Final(1), Final(1));
        Assert.NotEqual(Final(1), Final(2));

        static byte[] Final(long seed)
        {
            using var problem = new TinyProblem(seed);
            using var result = TinySearch.Run(problem, s_options);
            return problem.Bytes();
        }
    }

    [Fact]
    public void The_best_parameters_are_those_of_the_lowest_evaluation_loss()
    {
        using var problem = new TinyProblem();
        var evaluation = 0;
        byte[]? atThird = null;
        problem.Evaluated = _ =>
        {
            if (evaluation == 3) atThird = problem.Bytes();
            return evaluation++ == 3 ? 1 : 2;
        };
        using var result = TinySearch.Run(problem, s_options);
        Assert.Equal((15, 1.0), (result.BestStep, result.BestLoss));
        Assert.Equal(problem.Weight.bytes.ToArray(), result.Last["weight"].bytes.ToArray());
        Assert.NotEqual(atThird, problem.Bytes());
        result.CopyBestTo(problem);
        Assert.Equal(atThird, problem.Bytes());
        Assert.True(problem.Weight.requires_grad);
        result.CopyLastTo(problem);
        Assert.NotEqual(atThird, problem.Bytes());
    }

    [Fact]
    public void Without_evaluations_the_last_parameters_are_the_best()
    {
        using var problem = new TinyProblem();
        using var result = TinySearch.Run(problem, s_options with { EvaluationInterval = 0 });
        Assert.Empty(result.Evaluations);
        Assert.True(double.IsNaN(result.BestLoss));
        Assert.Equal(60, result.BestStep);
        Assert.Equal(problem.Weight.bytes.ToArray(), result.Best["weight"].bytes.ToArray());
    }

    [Fact]
    public void Accumulated_gradients_are_the_mean_of_the_micro_batches()
    {
        using var scope = NewDisposeScope();
        using var problem = new TinyProblem();
        var expected = problem.Weight.detach().clone();
        ((problem.Loss(0, 0) + problem.Loss(0, 1) + problem.Loss(0, 2)) / 3).backward();
        expected -= 0.5 * problem.Weight.grad!;
        var losses = Enumerable.Range(0, 3).Select(i => problem.Loss(0, i).item<float>()).ToArray();
        var options = new SearchOptions { Steps = 1, Accumulate = 3, Optimizer = new() { Name = OptimizerKind.Sgd, LearningRate = 0.5, WeightDecay = 0 } };
        var observer = new RecordingObserver();
        using var result = TinySearch.Run(problem, options, observer: observer);
        Assert.True(expected.allclose(problem.Weight, 1e-5, 1e-6));
        Assert.Equal(losses.Average(l => (double)l), observer.Steps[0].Loss, 1e-6);
    }

    [Fact]
    public void Clipping_shortens_the_step_and_reports_the_norm_before()
    {
        using var scope = NewDisposeScope();
        using var problem = new TinyProblem();
        var before = cat([problem.Weight.detach().flatten(), problem.Bias.detach()]);
        var options = new SearchOptions { Steps = 1, ClipNorm = 0.01, Optimizer = new() { Name = OptimizerKind.Sgd, LearningRate = 1, WeightDecay = 0 } };
        var observer = new RecordingObserver();
        using var result = TinySearch.Run(problem, options, observer: observer);
        var moved = (cat([problem.Weight.detach().flatten(), problem.Bias.detach()]) - before).norm().item<float>();
        Assert.Equal(0.01, moved, 1e-5);
        Assert.True(observer.Steps[0].GradientNorm > 0.1);
    }

    [Fact]
    public void Bounds_hold_after_every_step()
    {
        using var problem = new TinyProblem { Bound = 0.25 };
        using var result = TinySearch.Run(problem, s_options);
        Assert.True(problem.Weight.abs().max().item<float>() <= 0.25f);
        Assert.True(result.Best["weight"].abs().max().item<float>() <= 0.25f || result.BestStep == 0);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_step_without_finite_loss_changes_nothing(float spoiled)
    {
        using var problem = new TinyProblem();
        var bytes = new Dictionary<int, byte[]>();
        problem.Spoil = (step, loss) => step is 3 or 4 ? loss * spoiled : loss;
        var observer = new RecordingObserver { AfterStep = report => bytes[report.Step] = problem.Bytes() };
        using var result = TinySearch.Run(problem, s_options, observer: observer);
        Assert.Equal(2, result.SkippedSteps);
        Assert.Equal(bytes[3], bytes[4]);
        Assert.Equal(bytes[3], bytes[5]);
        Assert.NotEqual(bytes[3], bytes[6]);
        Assert.Equal([4, 5], observer.Steps.Where(s => s.Skipped).Select(s => s.Step));
        Assert.Equal(2, observer.Warnings.Count);
        Assert.Equal(StopReason.Completed, result.Reason);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_is_skipped_although_the_loss_is()
    {
        using var problem = new TinyProblem();
        problem.Spoil = (step, loss) => step == 2 ? loss + (problem.Weight - problem.Weight.detach()).abs().sqrt().sum() : loss;
        using var result = TinySearch.Run(problem, s_options);
        Assert.Equal(1, result.SkippedSteps);
        Assert.True(problem.Weight.isfinite().all().item<bool>());
    }

    [Fact]
    public void Too_many_steps_in_a_row_without_finite_loss_end_the_search()
    {
        using var problem = new TinyProblem();
        byte[]? before = null;
        problem.Spoil = (step, loss) => step >= 12 || step % 2 == 1 ? loss * float.NaN : loss;
        var observer = new RecordingObserver { AfterStep = r => before = r.Step == 11 ? problem.Bytes() : before };
        using var result = TinySearch.Run(problem, s_options with { NonFiniteLimit = 4 }, observer: observer);
        Assert.Equal(StopReason.NonFinite, result.Reason);
        Assert.Equal(15, result.Step); // steps 12 to 15, numbered from 1, in a row
        Assert.Contains("4 steps in a row", result.Message, StringComparison.Ordinal);
        Assert.Contains("0.1", result.Message, StringComparison.Ordinal);
        Assert.Equal(before, problem.Bytes());
    }

    [Fact]
    public void An_evaluation_that_is_not_finite_is_never_the_best()
    {
        using var problem = new TinyProblem();
        problem.Evaluated = loss => loss < 1 ? double.NaN : loss;
        using var result = TinySearch.Run(problem, s_options);
        Assert.Contains(result.Evaluations, e => double.IsNaN(e.Loss));
        Assert.True(result.BestLoss >= 1);
    }

    [Fact]
    public void The_moving_average_is_what_is_evaluated_and_returned()
    {
        using var scope = NewDisposeScope();
        using var problem = new TinyProblem();
        var average = problem.Weight.detach().clone();
        var shown = new List<Tensor>();
        problem.Evaluated = loss =>
        {
            shown.Add(problem.Weight.detach().clone().DetachFromDisposeScope());
            return loss;
        };
        var observer = new RecordingObserver
        {
            AfterStep = r =>
            {
                using var noGrad = no_grad();
                var decay = Math.Min(0.9, (1.0 + r.Step) / (10.0 + r.Step));
                average.mul_(decay).add_(problem.Weight * (1 - decay));
            },
        };
        using var result = TinySearch.Run(problem, s_options with { EmaDecay = 0.9 }, observer: observer);
        Assert.True(average.allclose(result.Last["weight"], 1e-4, 1e-5));
        Assert.True(average.allclose(shown[^1], 1e-4, 1e-5));
        Assert.False(average.allclose(problem.Weight, 1e-4, 1e-5));
    }

    [Fact]
    public void Early_stopping_ends_the_search()
    {
        using var problem = new TinyProblem();
        var options = s_options with { Steps = 2000, EarlyStop = new() { Name = EarlyStopKind.Variance, Window = 8, Threshold = 0.05 } };
        using var result = TinySearch.Run(problem, options);
        Assert.Equal(StopReason.EarlyStopped, result.Reason);
        Assert.InRange(result.Step, 40, 500);
        Assert.True(EarlyStopRule.VarianceRatio([.. result.Evaluations.Select(e => e.Loss)], 8) < 0.05);
        Assert.Contains($"step {result.Step}", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancelling_finishes_the_step()
    {
        using var problem = new TinyProblem();
        using var cancellation = new CancellationTokenSource();
        problem.BeforeLoss = (step, micro) =>
        {
            if (step == 6 && micro == 0) cancellation.Cancel();
        };
        using var result = SearchLoop.Run(problem, s_options with { Accumulate = 2 }, cancellation: cancellation.Token);
        Assert.Equal((StopReason.Cancelled, 7), (result.Reason, result.Step));
    }

    [Fact]
    public void Problems_that_cannot_be_searched_are_refused()
    {
        using var problem = new TinyProblem();
        using var loose = new LooseProblem(problem, ones(2));
        Assert.Contains("'p'", Assert.Throws<ArgumentException>(() => TinySearch.Run(loose, s_options)).Message, StringComparison.Ordinal);
        problem.Spoil = (_, loss) => loss.detach();
        Assert.Contains("graph", Assert.Throws<InvalidOperationException>(() => TinySearch.Run(problem, s_options)).Message, StringComparison.Ordinal);
        problem.Spoil = (_, loss) => loss.expand(2);
        Assert.Contains("[2]", Assert.Throws<InvalidOperationException>(() => TinySearch.Run(problem, s_options)).Message, StringComparison.Ordinal);
        Assert.Throws<ConesException>(() => TinySearch.Run(problem, s_options with { Steps = 0 }));
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind()
    {
        using var folder = new TemporaryFolder();
        using var problem = new TinyProblem();
        using var run = Cones.Search.Runs.RunFolder.Open(folder.Path);
        var live = new List<long>();
        var observer = new RecordingObserver { AfterStep = _ => live.Add(Tensor.TotalCount) };
        var options = s_options with
        {
            Steps = 1000,
            Accumulate = 2,
            ClipNorm = 1,
            EmaDecay = 0.9,
            CheckpointInterval = 50,
            CheckpointSeconds = 0,
            PreviewInterval = 100,
        };
        // What other tests have left to the finalisers must not go away in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        using (var result = TinySearch.Run(problem, options, run, observer)) Assert.Equal(1000, result.Step);
        // The best parameters come into being at the first evaluation, before the first step.
        Assert.Single(live.Distinct());
        Assert.Equal(before, Tensor.TotalCount);
    }

    sealed class LooseProblem(TinyProblem problem, Tensor parameter) : ISearchProblem, IDisposable
    {
        public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [new("p", parameter)];

        public int BatchSize => 1;

        public string Fingerprint => "loose";

        public Tensor Loss(int step, int micro) => problem.Loss(step, micro);

        public double EvaluationLoss() => problem.EvaluationLoss();

        public void Project()
        {
        }

        public void Preview(string folder, int step)
        {
        }

        public void Dispose() => parameter.Dispose();
    }
}
