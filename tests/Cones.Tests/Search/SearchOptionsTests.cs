using System.Text.Json.Nodes;
using Cones.Models;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Schedules;

namespace Cones.Tests.Search;

public sealed class SearchOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => Assert.Empty(new SearchOptions().Problems());

    [Fact]
    public void Options_survive_JSON()
    {
        var options = new SearchOptions
        {
            Steps = 77,
            Accumulate = 3,
            Seed = -12345678901,
            ClipNorm = 0.1,
            EmaDecay = 0.999,
            EvaluationInterval = 7,
            NonFiniteLimit = 4,
            CheckpointInterval = 9,
            CheckpointSeconds = 1.5,
            KeepCheckpoints = 5,
            PreviewInterval = 11,
            Optimizer = new()
            {
                Name = OptimizerKind.Sgd,
                LearningRate = 0.1,
                Beta1 = 0.5,
                Beta2 = 0.6,
                Epsilon = 1e-7,
                WeightDecay = 0.3,
                AmsGrad = true,
                Momentum = 0.7,
                Nesterov = true,
                RateFactors = new Dictionary<string, double> { ["pooled"] = 0.1 },
            },
            Schedule = new() { Name = ScheduleKind.CosineWithRestarts, WarmupSteps = 2, TotalSteps = 70, Cycles = 3, Power = 2, EndRate = 1e-6, Rules = "1:2,3" },
            EarlyStop = new() { Name = EarlyStopKind.Variance, Window = 5, Threshold = 0.2, MinimumEvaluations = 6, Patience = 7, MinimumDelta = 0.01 },
        };
        var text = SearchOptionsJson.ToJson(options).ToJsonString();
        var read = SearchOptionsJson.FromJson(JsonNode.Parse(text)!, "options.json");
        Assert.Equal(text, SearchOptionsJson.ToJson(read).ToJsonString());
        Assert.Equal(options.Schedule, read.Schedule);
        Assert.Equal(options.EarlyStop, read.EarlyStop);
        Assert.Equal(options.Seed, read.Seed);
        Assert.Equal(0.1, read.Optimizer.RateFactors["pooled"]);
        Assert.Contains("\"cosine_with_restarts\"", text, StringComparison.Ordinal);
        Assert.Contains("\"learning_rate\":0.1", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"step":5}""", "step")]
    [InlineData("""{"steps":"many"}""", "steps")]
    [InlineData("""{"steps":0}""", "0 steps")]
    [InlineData("""{"optimizer":{"name":"lion"}}""", "optimizer")]
    [InlineData("""{"optimizer":{"name":1}}""", "optimizer")]
    [InlineData("""{"optimizer":null}""", "optimizer")]
    public void JSON_that_cannot_be_used_is_named(string json, string expected)
    {
        var error = Assert.Throws<ConesException>(() => SearchOptionsJson.FromJson(JsonNode.Parse(json)!, "some/options.json"));
        Assert.StartsWith("some/options.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_option_out_of_range_is_named_with_its_value()
    {
        var options = new SearchOptions
        {
            Steps = -1,
            Accumulate = -2,
            ClipNorm = -3,
            EmaDecay = -4,
            EvaluationInterval = -5,
            NonFiniteLimit = -6,
            CheckpointInterval = -7,
            CheckpointSeconds = -8,
            KeepCheckpoints = -9,
            PreviewInterval = -10,
            Optimizer = new() { LearningRate = -11, WeightDecay = -12, Epsilon = -13, Beta1 = -14, Beta2 = -15, Momentum = -16, Dampening = -17 },
            Schedule = new() { WarmupSteps = -18, TotalSteps = -19, Cycles = -20, Power = -21 },
            EarlyStop = new() { Window = -22, Threshold = -23, MinimumEvaluations = -24, Patience = -25, MinimumDelta = -26 },
        };
        var message = Assert.Throws<ConesException>(options.Validate).Message;
        for (var i = 1; i <= 26; i++) Assert.Contains($" -{i}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Early_stopping_needs_evaluations() => Assert.Contains(
        "evaluation interval is 0",
        Assert.Throws<ConesException>(new SearchOptions { EvaluationInterval = 0, EarlyStop = new() { Name = EarlyStopKind.Plateau } }.Validate).Message,
        StringComparison.Ordinal);
}
