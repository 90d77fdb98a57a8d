using Cones.Models.Swin;
using TorchSharp;
using static Cones.Models.Tests.Swin.SwinTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Swin;

public sealed class SwinBackboneTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(24, 48)]
    [InlineData(37, 50)]
    [InlineData(90, 9)]
    public void Images_of_any_size_give_maps_of_the_strides(long height, long width)
    {
        using var model = Backbone(Config with { OutStages = [0, 1, 2, 3] });
        var maps = model.Forward(randn(2, 3, height, width));
        Assert.Equal(4, maps.Count);
        for (var stage = 0; stage < 4; stage++)
        {
            var stride = model.Config.StrideOf(stage);
            Assert.Equal([2, model.Config.WidthOf(stage), (height + stride - 1) / stride, (width + stride - 1) / stride], maps[stage].shape);
        }
    }

    [Fact]
    public void Both_layouts_compute_the_same()
    {
        using var one = Backbone();
        using var other = Backbone(layout: SwinLayout.Glip);
        Copy(one, other);
        var pixels = randn(2, 3, 41, 34);
        foreach (var (a, b) in one.Forward(pixels).Zip(other.Forward(pixels))) Assert.True(a.allclose(b, atol: 1e-5));
    }

    [Fact]
    public void Without_a_bias_of_queries_there_are_fewer_weights_and_it_still_runs()
    {
        using var model = Backbone(Config with { QkvBias = false });
        Assert.DoesNotContain(model.NamedWeights(), w => w.Key.EndsWith("query.bias", StringComparison.Ordinal));
        Assert.Equal(2, model.Forward(randn(1, 3, 30, 30)).Count);
    }

    [Fact]
    public void An_image_of_a_batch_equals_that_image_alone()
    {
        using var model = Backbone();
        var pixels = randn(3, 3, 37, 50);
        var batch = model.Forward(pixels);
        var alone = model.Forward(pixels[1..2]);
        for (var i = 0; i < batch.Count; i++) Assert.True(batch[i][1..2].allclose(alone[i], atol: 1e-5));
    }

    [Theory]
    [InlineData(1, 190, 171)] // several parts, padded on both sides
    [InlineData(2, 37, 50)]
    [InlineData(1, 9, 5)]
    public void Without_gradients_the_work_is_done_in_parts_with_the_same_result(long batch, long height, long width)
    {
        using var model = Backbone(Config with { EmbedDim = 8 });
        var pixels = randn(batch, 3, height, width);
        var parts = model.Forward(pixels);
        var whole = model.Forward(pixels.requires_grad_());
        Assert.All(parts.Zip(whole), p => Assert.True(p.First.allclose(p.Second, rtol: 1e-4, atol: 1e-5)));
        Assert.All(parts.Zip(whole), p => Assert.Equal((false, true), (p.First.requires_grad, p.Second.requires_grad)));

        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var again = model.Forward(pixels.detach());
        Assert.Equal(before + again.Count + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Trainable_weights_give_the_same_maps_and_their_gradients_are_exact()
    {
        using var model = Backbone(type: ScalarType.Float64);
        var pixels = randn(1, 3, 37, 26, ScalarType.Float64).requires_grad_();
        var cotangents = model.Forward(pixels).Select(m => randn(m.shape, ScalarType.Float64)).ToArray();
        var frozen = model.Forward(pixels);
        var gradient = autograd.grad([Loss(frozen, cotangents)], [pixels])[0];

        model.SetRequiresGrad(true);
        var trained = model.Forward(pixels);
        Assert.All(frozen.Zip(trained), p => Assert.True(p.First.allclose(p.Second, rtol: 1e-10, atol: 1e-10)));
        var weights = model.NamedWeights().ToArray();
        var gradients = autograd.grad([Loss(trained, cotangents)], [pixels, .. weights.Select(w => w.Value.Value)]);
        Assert.True(gradient.allclose(gradients[0], rtol: 1e-8, atol: 1e-8));

        // Along a random direction of each weight.
        using var noGrad = no_grad();
        for (var i = 0; i < weights.Length; i++)
        {
            var weight = weights[i].Value.Value;
            var direction = randn(weight.shape, ScalarType.Float64);
            const double h = 1e-6;
            weight.add_(direction, h);
            var above = Loss(model.Forward(pixels), cotangents).item<double>();
            weight.sub_(direction * (2 * h));
            var below = Loss(model.Forward(pixels), cotangents).item<double>();
            weight.add_(direction, h);
            var expected = (above - below) / (2 * h);
            var actual = (gradients[i + 1] * direction).sum().item<double>();
            Assert.True(Math.Abs(expected - actual) <= 1e-5 * Math.Max(1, Math.Abs(expected)), $"{weights[i].Key}: {actual}, {expected} expected");
        }
    }

    [Fact]
    public void What_is_derived_from_frozen_weights_follows_them()
    {
        using var model = Backbone();
        using var other = Backbone();
        var pixels = randn(1, 3, 30, 30);
        model.Forward(pixels);
        foreach (var key in (string[])["encoder.layers.0.blocks.1.attention.self.key.weight", "encoder.layers.0.blocks.1.attention.self.relative_position_bias_table"])
            foreach (var changed in (SwinBackbone[])[model, other])
            {
                var weight = changed.NamedWeights().Single(w => w.Key == key).Value;
                weight.Assign(ones([.. weight.Shape]) * 0.3f);
            }

        Assert.True(model.Forward(pixels)[1].allclose(other.Forward(pixels)[1]));
    }

    [Fact]
    public void Half_precision_runs()
    {
        using var model = Backbone();
        var pixels = randn(1, 3, 37, 26);
        var expected = model.Forward(pixels);
        model.To(CPU, ScalarType.BFloat16);
        var maps = model.Forward(pixels.to(ScalarType.BFloat16));
        Assert.All(maps.Zip(expected), p => Assert.True((p.First.to(ScalarType.Float32) - p.Second).abs().mean().item<float>() < 0.1f));
    }

    [Fact]
    public void Wrong_shapes_are_refused_with_the_numbers()
    {
        using var model = Backbone();
        Assert.Contains("[1,4,8,8]", Assert.Throws<ArgumentException>(() => model.Forward(zeros(1, 4, 8, 8))).Message);
        Assert.Contains("[3,8,8]", Assert.Throws<ArgumentException>(() => model.Forward(zeros(3, 8, 8))).Message);
        Assert.Contains("[1,3,0,8]", Assert.Throws<ArgumentException>(() => model.Forward(zeros(1, 3, 0, 8))).Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_forward_leaves_its_maps_and_nothing_else(bool training)
    {
        using var model = Backbone();
        model.SetRequiresGrad(training);
        var pixels = randn(1, 3, 37, 26);
        using (NewDisposeScope()) model.Forward(pixels);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var maps = model.Forward(pixels);
        Assert.Equal(before + maps.Count, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    static Tensor Loss(IReadOnlyList<Tensor> maps, Tensor[] cotangents) => maps.Zip(cotangents, (m, c) => (m * c).sum()).Aggregate((a, b) => a + b);
}
