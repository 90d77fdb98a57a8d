using Cones.Search.Schedules;

namespace Cones.Tests.Search;

public sealed class ScheduleTests
{
    [Fact]
    public void Polynomial_follows_its_power_and_stays_at_the_end_rate()
    {
        var schedule = new LearningRateSchedule(
            new ScheduleOptions { Name = ScheduleKind.Polynomial, WarmupSteps = 2, TotalSteps = 10, Power = 2, EndRate = 0.1 }, 1, 20);
        Assert.Equal(0.5, schedule.RateAt(1), 12);
        Assert.Equal(1, schedule.RateAt(2), 12);
        Assert.Equal((0.9 * 0.25) + 0.1, schedule.RateAt(6), 12);
        Assert.Equal(0.1, schedule.RateAt(10), 12);
        Assert.Equal(0.1, schedule.RateAt(15), 12);
    }

    [Fact]
    public void Piecewise_takes_the_first_range_that_holds_the_step()
    {
        var schedule = new LearningRateSchedule(new ScheduleOptions { Name = ScheduleKind.PiecewiseConstant, Rules = "1:10,0.1:20,0.01" }, 2, 100);
        Assert.Equal([2, 2, 0.2, 0.2, 0.02, 0.02], new[] { 0, 9, 10, 19, 20, 99 }.Select(schedule.RateAt), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void Beyond_the_end_linear_and_restarts_stay_at_zero_and_cosine_rises_again()
    {
        static double At(ScheduleKind kind, int step) => new LearningRateSchedule(new ScheduleOptions { Name = kind, TotalSteps = 10 }, 1, 10).RateAt(step);
        Assert.Equal(0, At(ScheduleKind.Linear, 15));
        Assert.Equal(0, At(ScheduleKind.CosineWithRestarts, 10));
        Assert.Equal(0, At(ScheduleKind.Cosine, 10), 12);
        Assert.Equal(0.5, At(ScheduleKind.Cosine, 15), 12);
    }

    [Theory]
    [InlineData(ScheduleKind.Linear)]
    [InlineData(ScheduleKind.Cosine)]
    [InlineData(ScheduleKind.CosineWithRestarts)]
    [InlineData(ScheduleKind.Polynomial)]
    public void An_open_end_is_the_end_of_the_search(ScheduleKind kind)
    {
        var open = new LearningRateSchedule(new ScheduleOptions { Name = kind, WarmupSteps = 3 }, 0.1, 12);
        var closed = new LearningRateSchedule(new ScheduleOptions { Name = kind, WarmupSteps = 3, TotalSteps = 12 }, 0.1, 999);
        for (var step = 0; step < 12; step++) Assert.Equal(closed.RateAt(step), open.RateAt(step));
    }

    [Theory]
    [InlineData("-1", -1, 0, 1, "1:5,1")]
    [InlineData("11", 11, 0, 1, "1:5,1")]
    [InlineData("-7", 0, -7, 1, "1:5,1")]
    [InlineData("-0.5", 0, 0, -0.5, "1:5,1")]
    public void Options_out_of_range_are_named(string number, int warmup, int total, double power, string rules)
    {
        var options = new ScheduleOptions { Name = ScheduleKind.Linear, WarmupSteps = warmup, TotalSteps = total, Power = power, Rules = rules };
        var error = Assert.Throws<ArgumentException>(() => new LearningRateSchedule(options, 1, 10));
        Assert.Contains(number, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1:10")]
    [InlineData("a:10,1")]
    [InlineData("1:b,1")]
    [InlineData("-1:5,1")]
    [InlineData("1:5,nan")]
    public void Rules_that_cannot_be_read_are_refused(string rules)
    {
        var options = new ScheduleOptions { Name = ScheduleKind.PiecewiseConstant, Rules = rules };
        Assert.Contains($"'{rules}'", Assert.Throws<ArgumentException>(() => new LearningRateSchedule(options, 1, 10)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_polynomial_must_fall() =>
        Assert.Throws<ArgumentException>(() => new LearningRateSchedule(new ScheduleOptions { Name = ScheduleKind.Polynomial, EndRate = 0.1 }, 0.1, 10));
}
