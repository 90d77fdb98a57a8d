using Cones.Search;
using Cones.Search.EarlyStopping;

namespace Cones.Tests.Search;

public sealed class EarlyStopTests
{
    static readonly EarlyStopOptions s_variance = new() { Name = EarlyStopKind.Variance, Window = 4, Threshold = 0.1 };
    static readonly EarlyStopOptions s_plateau = new() { Name = EarlyStopKind.Plateau, Patience = 3, MinimumDelta = 0.1 };

    [Fact]
    public void The_ratio_is_that_of_population_variances()
    {
        // Last three: mean 2, variance 2/3. All: 6, 1, 2, 3 with mean 3, variance (9 + 4 + 1 + 0) / 4.
        Assert.Equal(2.0 / 3 / 3.5, EarlyStopRule.VarianceRatio([6, 1, 2, 3], 3), 12);
        Assert.Equal(1, EarlyStopRule.VarianceRatio([6, 1, 2], 3));
        Assert.Equal(0, EarlyStopRule.VarianceRatio([5, 5, 5, 5], 3));
    }

    [Fact]
    public void Variance_stops_once_the_last_losses_have_come_to_rest()
    {
        List<double> losses = [];
        for (var i = 0; EarlyStopRule.Reason(s_variance, losses) is null; i++)
        {
            Assert.True(i < 50);
            losses.Add(Math.Exp(-i / 3.0));
        }

        Assert.True(EarlyStopRule.VarianceRatio(losses, 4) < 0.1);
        Assert.True(EarlyStopRule.VarianceRatio(losses[..^1], 4) >= 0.1);
    }

    [Fact]
    public void Variance_goes_on_while_the_loss_moves_and_before_its_window_is_passed()
    {
        Assert.Null(EarlyStopRule.Reason(s_variance, [.. Enumerable.Range(0, 40).Select(i => i % 2 + 0.5)]));
        Assert.Null(EarlyStopRule.Reason(s_variance, [1, 1, 1, 1]));
        Assert.NotNull(EarlyStopRule.Reason(s_variance, [1, 1, 1, 1, 1]));
        Assert.Null(EarlyStopRule.Reason(s_variance with { MinimumEvaluations = 6 }, [1, 1, 1, 1, 1]));
    }

    [Fact]
    public void Plateau_counts_evaluations_without_enough_improvement()
    {
        Assert.Null(EarlyStopRule.Reason(s_plateau, [1, 0.95, 0.95]));
        Assert.NotNull(EarlyStopRule.Reason(s_plateau, [1, 0.95, 0.95, 0.91]));
        Assert.Null(EarlyStopRule.Reason(s_plateau, [1, 0.95, 0.95, 0.89]));
        Assert.Null(EarlyStopRule.Reason(s_plateau, [1, 0.95, 0.89, 0.88, 0.87]));
        Assert.Null(EarlyStopRule.Reason(s_plateau with { MinimumEvaluations = 5 }, [1, 0.95, 0.95, 0.91]));
    }

    [Theory]
    [InlineData(0, 2, 3)]
    [InlineData(10, 6, 4)]
    [InlineData(30, 16, 10)]
    [InlineData(100, 51, 34)]
    public void Shares_become_numbers_of_the_search(int evaluations, int window, int patience)
    {
        var options = new EarlyStopOptions { Window = 0, Patience = 0 };
        Assert.Empty(options.Problems());
        Assert.Equal((window, patience), (options.For(evaluations).Window, options.For(evaluations).Patience));
        Assert.Equal(s_plateau, s_plateau.For(evaluations));
        Assert.Throws<ArgumentException>(() => EarlyStopRule.Reason(options, [1, 2]));
    }

    [Fact]
    public void Scores_rise_and_equal_ones_are_told_apart_by_their_losses()
    {
        Assert.Null(Reason((3, 0), (2, 0), (1, 0), (0.9, 0), (0.8, 0))); // no score yet, but the loss falls
        Assert.NotNull(Reason((1, 0.5), (0.9, 0.4), (0.8, 0.45), (0.7, 0.5 - 1e-9)));
        Assert.Null(Reason((1, 0.5), (0.9, 0.4), (0.8, 0.45), (0.9, 0.7)));
        Assert.NotNull(Reason((1, 0.5), (1, 0.55), (1, 0.56), (1, 0.57))); // not enough better
        Assert.Contains("no score above 0.5", Reason((1, 0.5), (1, 0.4), (1, 0.4), (1, 0.4)));
        Assert.Null(EarlyStopRule.Reason(s_plateau, Array.Empty<SearchEvaluation>()));
        Assert.NotNull(EarlyStopRule.Reason(s_plateau, Enumerable.Repeat(new SearchEvaluation(1), 4).ToArray()));

        static string? Reason(params (double Loss, double Score)[] evaluations) =>
            EarlyStopRule.Reason(s_plateau, [.. evaluations.Select(e => new SearchEvaluation(e.Loss, e.Score))]);
    }

    [Fact]
    public void None_never_stops() => Assert.Null(EarlyStopRule.Reason(new EarlyStopOptions(), [.. Enumerable.Repeat(1.0, 1000)]));

    [Fact]
    public void Options_out_of_range_are_named() => Assert.Equal(
        6,
        new EarlyStopOptions
        {
            Name = (EarlyStopKind)9,
            Window = 1,
            Threshold = 1,
            MinimumEvaluations = -1,
            Patience = -1,
            MinimumDelta = double.NaN,
        }.Problems().Count());
}
