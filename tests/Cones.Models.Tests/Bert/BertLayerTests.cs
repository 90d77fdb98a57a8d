using Cones.Models.Bert;
using TorchSharp;
using static Cones.Models.Tests.Bert.BertTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Bert;

public sealed class BertLayerTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void A_limit_that_nothing_reaches_changes_nothing()
    {
        using var plain = WithRandomWeights(new BertLayer(Config), ScalarType.Float64);
        using var limited = WithRandomWeights(new BertLayer(Config, limit: 50000), ScalarType.Float64);
        var x = randn(2, 5, 8, ScalarType.Float64);
        foreach (var mask in (Tensor?[])[null, BertMask.ForHeads(tensor(new[,] { { 1, 1, 1, 0, 0 }, { 1, 1, 1, 1, 1 } }))])
            Assert.True(plain.Forward(x, mask).allclose(limited.Forward(x, mask), rtol: 1e-12, atol: 1e-12));
    }

    [Fact]
    public void A_limit_holds_back_large_numbers()
    {
        using var layer = WithRandomWeights(new BertLayer(Config, limit: 0.25));
        var y = layer.Forward(randn(1, 4, 8) * 100);
        Assert.Equal(0.25f, y.abs().max().item<float>());
    }

    [Fact]
    public void A_limited_slot_that_may_see_nothing_stays_finite()
    {
        using var layer = WithRandomWeights(new BertLayer(Config, limit: 50000));
        Assert.True(layer.Forward(randn(1, 2, 8), BertMask.ForHeads(zeros(1, 2))).isfinite().all().item<bool>());
    }

    [Fact]
    public void Wrong_shapes_are_refused_with_the_numbers()
    {
        using var layer = WithRandomWeights(new BertLayer(Config));
        Assert.Contains("[1,2,9]", Assert.Throws<ArgumentException>(() => layer.Forward(zeros(1, 2, 9))).Message);
        Assert.Contains("Float32", Assert.Throws<ArgumentException>(() => layer.Forward(zeros(1, 2, 8), ones(1, 1, 1, 2))).Message);
        Assert.Contains("[1,1,1,3]", Assert.Throws<ArgumentException>(() => layer.Forward(zeros(1, 2, 8), ones(1, 1, 1, 3, ScalarType.Bool))).Message);
    }
}
