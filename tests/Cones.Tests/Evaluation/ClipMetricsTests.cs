using Cones.Evaluation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Evaluation;

public sealed class ClipMetricsTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void The_two_clip_scores_clamp_at_different_places()
    {
        // Cosines 0.6 and -0.8.
        var images = tensor(new[] { 3.0, 4, 3, 4 }, [2, 2]);
        var texts = tensor(new[] { 2.0, 0, 0, -7 }, [2, 2]);
        Assert.Equal(-0.1, ClipMetrics.ClipT(images, texts), 12);
        Assert.Equal(0.75, ClipMetrics.ClipScore(images, texts), 12);
        Assert.Equal(0, ClipMetrics.TorchMetricsClipScore(images, texts));
        Assert.Equal(60, ClipMetrics.TorchMetricsClipScore(images[..1], texts[..1]), 12);
    }

    [Fact]
    public void Cosines_ignore_the_length_of_features_and_stay_in_range()
    {
        foreach (var (a, b) in FeatureGenerator.Pairs())
        {
            var cosines = ClipMetrics.CosineMatrix(a, b);
            Assert.True(cosines.abs().max().item<double>() <= 1 + 1e-12);
            Assert.True(cosines.allclose(ClipMetrics.CosineMatrix(a * 7, b / 3)));
            // A row of zeros has no direction.
            var directed = a.ne(0).any(1).to(ScalarType.Float64).mean().item<double>();
            Assert.Equal(directed, ClipMetrics.ClipT(a, a), 10);
        }
    }

    [Fact]
    public void A_row_of_zeros_has_cosine_zero() => Assert.Equal(0, ClipMetrics.ClipI(zeros(1, 3), ones(2, 3)));

    [Fact]
    public void Features_that_do_not_fit_are_refused_with_their_shapes()
    {
        Assert.Contains("[2, 4]", Assert.Throws<ArgumentException>(() => ClipMetrics.ClipI(ones(2, 3), ones(2, 4))).Message, StringComparison.Ordinal);
        Assert.Contains("[3, 3]", Assert.Throws<ArgumentException>(() => ClipMetrics.ClipT(ones(2, 3), ones(3, 3))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => ClipMetrics.ClipI(ones(3), ones(2, 3)));
        Assert.Throws<ArgumentException>(() => ClipMetrics.ClipI(zeros(0, 3), ones(2, 3)));
        Assert.Throws<ArgumentException>(() => ClipMetrics.ClipIAmongReal(ones(1, 3)));
        Assert.Throws<ArgumentException>(() => ClipMetrics.ClipI(full([1, 3], double.NaN), ones(2, 3)));
    }

    [Fact]
    public void Subject_scores_weigh_every_prompt_alike()
    {
        var real = tensor(new[] { 1.0, 0, 0, 1 }, [2, 2]);
        var scores = SubjectScores.Compute(real,
        [
            new PromptFeatures("a dog in the snow", tensor(new[] { 1.0, 0 }, [1, 2]), tensor(new[] { 1.0, 0 })),
            new PromptFeatures("a dog on a beach", tensor(new[] { 0.0, 1, 0, 2, 0, 3 }, [3, 2]), tensor(new[] { 1.0, 0 }, [1, 2])),
        ]);
        Assert.Equal(new ScoreSummary(0.5, 0, 2), scores.ClipI);
        Assert.Equal(new ScoreSummary(0.5, 0.5, 2), scores.ClipT);
        Assert.Equal(0, scores.ClipIAmongReal);
        Assert.Equal([1, 3], scores.Prompts.Select(p => p.Images));
        Assert.Null(SubjectScores.Compute(real[..1], [new PromptFeatures("a dog", real, real[0])]).ClipIAmongReal);
        Assert.Throws<ArgumentException>(() => SubjectScores.Compute(real, []));
        Assert.Throws<ArgumentException>(() => SubjectScores.Compute(real, [new PromptFeatures("a dog", real, real)]));
    }

    [Fact]
    public void A_metric_leaves_no_tensor_behind()
    {
        var (a, b) = FeatureGenerator.Pairs(1).Single();
        Measure();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Measure();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Measure()
        {
            ClipMetrics.ClipI(a, b);
            ClipMetrics.ClipIAmongReal(a);
            ClipMetrics.ClipScore(a, a);
            KernelDistance.Compute(a, b, subsets: 3);
            FrechetDistance.Compute(a, b);
        }
    }
}
