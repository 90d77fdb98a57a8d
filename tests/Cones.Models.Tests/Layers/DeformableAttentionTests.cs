using Cones.Models.Layers;
using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class DeformableAttentionTests : IDisposable
{
    static readonly (long Height, long Width)[] s_levels = [(5, 7), (3, 2), (1, 1)];

    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(2, 6, 3, 8, 4)]
    [InlineData(1, 9, 8, 32, 4)]
    [InlineData(2, 1, 1, 72, 1)]
    [InlineData(1, 300, 2, 16, 3)]
    public void The_kernel_computes_what_tensor_operations_do(long batch, long queries, long heads, long dim, long points)
    {
        var (value, locations, weights) = Inputs(batch, queries, heads, dim, points, ScalarType.Float32);
        Assert.True(DeformableAttentionFunction.Accepts(value, locations, weights));
        var y = DeformableAttention.Sample(value, s_levels, locations, weights);
        AssertClose(DeformableAttention.Sample(Exact(value), s_levels, Exact(locations), Exact(weights)), y);

        foreach (var input in (Tensor[])[value, locations, weights]) input.requires_grad_();
        var cotangent = randn(y.shape);
        var gradients = autograd.grad([(DeformableAttention.Sample(value, s_levels, locations, weights) * cotangent).sum()], [value, locations, weights]);
        Tensor[] exact = [.. ((Tensor[])[value, locations, weights]).Select(t => Exact(t).requires_grad_())];
        var references = autograd.grad([(DeformableAttention.Sample(exact[0], s_levels, exact[1], exact[2]) * Exact(cotangent)).sum()], exact);
        for (var i = 0; i < 3; i++) AssertClose(references[i], gradients[i]);
    }

    [Fact]
    public void Gradients_of_tensor_operations_agree_with_differences()
    {
        var (value, locations, weights) = Inputs(2, 4, 2, 3, 2, ScalarType.Float64);
        FiniteDifferences.Check(() => DeformableAttention.Sample(value, s_levels, locations, weights), [("value", value), ("locations", locations), ("weights", weights)]);
    }

    [Fact]
    public void A_point_at_a_pixels_centre_reads_that_pixel()
    {
        var (value, _, _) = Inputs(1, 1, 1, 8, 1, ScalarType.Float32);
        var locations = tensor(new[] { 2.5f / 7, 3.5f / 5, 1.5f / 2, 0.5f / 3, 0.5f, 0.5f }).view(1, 1, 1, 3, 1, 2);
        var weights = tensor(new[] { 1f, 10, 100 }).view(1, 1, 1, 3, 1);
        var expected = value[0, (3 * 7) + 2, 0] + (10 * value[0, 35 + 1, 0]) + (100 * value[0, 41, 0]);
        AssertClose(expected.view(1, 1, 8), DeformableAttention.Sample(value, s_levels, locations, weights));
    }

    [Fact]
    public void Points_outside_all_levels_and_no_numbers_give_zeros()
    {
        var (value, locations, weights) = Inputs(1, 3, 2, 8, 2, ScalarType.Float32);
        foreach (var far in (float[])[-2, 3, 1e20f, float.PositiveInfinity, float.NaN])
        {
            var away = full_like(locations, far).requires_grad_();
            var y = DeformableAttention.Sample(value.requires_grad_(), s_levels, away, weights);
            Assert.Equal(0, y.abs().sum().item<float>());
            Assert.All(autograd.grad([y.sum()], [value, away]), g => Assert.Equal(0, g.abs().sum().item<float>()));
        }
    }

    [Fact]
    public void Inputs_that_need_no_gradient_get_none_and_may_lie_in_memory_anyhow()
    {
        var (value, locations, weights) = Inputs(1, 3, 2, 8, 2, ScalarType.Float32);
        var scattered = locations.transpose(1, 2).contiguous().transpose(1, 2).detach().requires_grad_();
        DeformableAttention.Sample(value, s_levels, scattered, weights).square().sum().backward();
        var plain = locations.clone().requires_grad_();
        DeformableAttention.Sample(value, s_levels, plain, weights).square().sum().backward();
        Assert.Null(value.grad);
        Assert.Null(weights.grad);
        AssertClose(plain.grad!, scattered.grad!);
    }

    [Fact]
    public void The_result_is_the_same_bit_for_bit_every_time()
    {
        var (value, locations, weights) = Inputs(2, 200, 4, 16, 4, ScalarType.Float32);
        var results = Enumerable.Range(0, 2).Select(_ =>
        {
            var input = value.clone().requires_grad_();
            var y = DeformableAttention.Sample(input, s_levels, locations, weights);
            return (Y: y, Gradient: autograd.grad([y.square().sum()], [input])[0]);
        }).ToArray();
        Assert.True(results[0].Y.equal(results[1].Y).all().item<bool>());
        Assert.True(results[0].Gradient.equal(results[1].Gradient).all().item<bool>());
    }

    [Fact]
    public void Wrong_shapes_are_refused_with_the_numbers()
    {
        var (value, locations, weights) = Inputs(1, 3, 2, 8, 2, ScalarType.Float32);
        AssertRefused("[42,2,8]", () => DeformableAttention.Sample(value[0], s_levels, locations, weights));
        AssertRefused("5x7, 3x2", () => DeformableAttention.Sample(value, s_levels[..2], locations, weights));
        AssertRefused("42 pixels", () => DeformableAttention.Sample(value, [(6, 7), (0, 3), (1, 0)], locations, weights));
        AssertRefused("[1,3,2,2,2]", () => DeformableAttention.Sample(value, s_levels, locations, weights[.., .., .., ..2]));
        AssertRefused("[1,3,2,3,1,2]", () => DeformableAttention.Sample(value, s_levels, locations[.., .., .., .., ..1], weights));

        static void AssertRefused(string part, Action forward) => Assert.Contains(part, Assert.Throws<ArgumentException>(forward).Message);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(5)]
    public void A_step_leaves_no_tensor_behind(long dim)
    {
        Step();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            var (value, locations, weights) = Inputs(1, 3, 2, dim, 2, ScalarType.Float32);
            DeformableAttention.Sample(value.requires_grad_(), s_levels, locations.requires_grad_(), weights.requires_grad_()).sum().backward();
        }
    }

    static (Tensor Value, Tensor Locations, Tensor Weights) Inputs(long batch, long queries, long heads, long dim, long points, ScalarType type)
    {
        random.manual_seed(5);
        var locations = (rand([batch, queries, heads, s_levels.Length, points, 2]) * 1.6) - 0.3; // some outside
        return (randn(batch, s_levels.Sum(s => s.Height * s.Width), heads, dim).to(type), locations.to(type), rand([batch, queries, heads, s_levels.Length, points]).to(type));
    }

    static Tensor Exact(Tensor x) => x.detach().to(ScalarType.Float64);

    static void AssertClose(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(Exact(actual).allclose(Exact(expected), rtol: 1e-4, atol: 1e-4), $"differs by {(Exact(actual) - Exact(expected)).abs().max().item<double>()}");
    }
}
