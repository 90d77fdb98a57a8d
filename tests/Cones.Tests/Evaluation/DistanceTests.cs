using Cones.Evaluation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Evaluation;

public sealed class DistanceTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Frechet_distance_is_symmetric_and_zero_for_the_same_features()
    {
        foreach (var (a, b) in FeatureGenerator.Pairs())
        {
            var scale = a.square().sum().item<double>() + b.square().sum().item<double>();
            Assert.InRange(FrechetDistance.Compute(a, a), 0, 1e-10 * scale);
            Assert.InRange(FrechetDistance.Compute(a, b) - FrechetDistance.Compute(b, a), -1e-10 * scale, 1e-10 * scale);
        }
    }

    [Fact]
    public void Frechet_distance_of_shifted_and_scaled_features_is_known()
    {
        // |m|^2 of the shift; (s - 1)^2 tr S of the scale.
        foreach (var (a, _) in FeatureGenerator.Pairs())
        {
            using var statistics = FeatureStatistics.Of(a);
            var trace = statistics.Covariance.trace().item<double>();
            Assert.Equal(9.0 * a.shape[1], FrechetDistance.Compute(a, a + 3), 1e-9 * (1 + trace));
            var centred = a - a.mean([0]);
            Assert.Equal(4 * trace, FrechetDistance.Compute(centred, centred * 3), 1e-9 * (1 + trace));
        }
    }

    [Fact]
    public void Frechet_distance_of_flat_features_is_that_of_their_means() =>
        Assert.Equal(12, FrechetDistance.Compute(ones(4, 3), ones(5, 3) * 3), 12);

    [Fact]
    public void Kernel_distance_is_symmetric()
    {
        foreach (var (a, b) in FeatureGenerator.Pairs())
        {
            var there = KernelDistance.Unbiased(a, b);
            Assert.Equal(there, KernelDistance.Unbiased(b, a), 1e-9 * (1 + Math.Abs(there)));
        }
    }

    [Fact]
    public void Kernel_distance_may_be_negative_for_the_same_features() =>
        Assert.True(KernelDistance.Unbiased(eye(3), eye(3)) < 0);

    [Fact]
    public void The_seed_decides_the_subsets()
    {
        var a = randn([20, 4], generator: new Generator(1));
        var b = randn([25, 4], generator: new Generator(2)) + 0.5;
        var first = KernelDistance.Compute(a, b, subsets: 5, subsetSize: 10, seed: 3);
        Assert.Equal(first, KernelDistance.Compute(a, b, subsets: 5, subsetSize: 10, seed: 3));
        Assert.NotEqual(first, KernelDistance.Compute(a, b, subsets: 5, subsetSize: 10, seed: 4));
        Assert.Equal(5, first.Count);
        // Subsets of all rows are the set itself.
        var whole = KernelDistance.Compute(a, b[..20], subsets: 2);
        Assert.Equal(KernelDistance.Unbiased(a, b[..20]), whole.Mean, 10);
        Assert.Equal(0, whole.StandardDeviation, 10);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        var (a, b) = (ones(4, 3), ones(5, 3));
        Assert.Throws<ArgumentException>(() => FrechetDistance.Compute(a[..1], b));
        Assert.Throws<ArgumentException>(() => FrechetDistance.Compute(a, ones(4, 2)));
        Assert.Throws<ArgumentException>(() => KernelDistance.Unbiased(a, ones(4, 2)));
        Assert.Throws<ArgumentException>(() => KernelDistance.Compute(a, b, subsetSize: 5));
        Assert.Throws<ArgumentException>(() => KernelDistance.Compute(a, b, subsetSize: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelDistance.Compute(a, b, subsets: 0));
        var subsets = tensor(new long[] { 0, 4 }, [1, 2]);
        Assert.Throws<ArgumentException>(() => KernelDistance.OverSubsets(a, b, subsets, subsets));
        Assert.Throws<ArgumentException>(() => KernelDistance.OverSubsets(b, b, subsets, subsets.expand(2, 2)));
        Assert.Throws<ArgumentException>(() => KernelDistance.OverSubsets(b, b, subsets.to(ScalarType.Int32), subsets));
        Assert.Throws<ArgumentException>(() => ScoreSummary.Of([]));
    }
}
