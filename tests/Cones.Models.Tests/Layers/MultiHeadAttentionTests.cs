using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class MultiHeadAttentionTests
{
    [Theory]
    [InlineData(1, 256, 256, 8, 40)]
    [InlineData(2, 130, 77, 5, 64)]
    [InlineData(1, 64, 300, 2, 160)]
    [InlineData(3, 70, 129, 4, 10)] // heads of no multiple of 8
    [InlineData(1, 5, 4000, 1, 24)] // fewer queries than a block
    public void Values_and_gradients_agree_with_float64(long batch, long queries, long keys, long heads, long dim)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var q = (randn([batch, queries, heads * dim], generator: generator) * 2).requires_grad_();
        var k = (randn([batch, keys, heads * dim], generator: generator) * 2).requires_grad_();
        var v = randn([batch, keys, heads * dim], generator: generator).requires_grad_();
        var cotangent = randn(q.shape, generator: generator);

        var y = MultiHeadAttention.Apply(q, k, v, heads);
        var gradients = autograd.grad([y], [q, k, v], [cotangent]);

        Tensor[] exact = [.. new[] { q, k, v }.Select(t => t.detach().to(ScalarType.Float64).requires_grad_())];
        var expected = Reference(exact[0], exact[1], exact[2], heads);
        var expectedGradients = autograd.grad([expected], exact, [cotangent.to(ScalarType.Float64)]);
        Compare.Close(expected, y, 1e-5);
        for (var i = 0; i < 3; i++) Compare.Close(expectedGradients[i], gradients[i], 2e-5);
    }

    [Fact]
    public void Large_scores_do_not_overflow()
    {
        using var scope = NewDisposeScope();
        var q = randn([1, 128, 64], generator: new Generator(1)) * 200;
        var k = randn([1, 128, 64], generator: new Generator(2)) * 200;
        var v = randn([1, 128, 64], generator: new Generator(3));

        var y = MultiHeadAttention.Apply(q, k, v, 2);

        Compare.Close(Reference(q.to(ScalarType.Float64), k.to(ScalarType.Float64), v.to(ScalarType.Float64), 2), y, 1e-3);
    }

    [Fact]
    public void Gradients_stop_where_none_are_asked_for()
    {
        using var scope = NewDisposeScope();
        var x = randn([1, 200, 64], generator: new Generator(1));
        var v = randn([1, 200, 64], generator: new Generator(2)).requires_grad_();

        OneTimeGraph.Backward(MultiHeadAttention.Apply(x, x, v, 4).square().sum());

        Assert.Null(x.grad);
        Assert.True(v.grad!.abs().max().item<float>() > 0);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused_with_their_numbers()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ArgumentException>(() => MultiHeadAttention.Apply(zeros(1, 5, 12), zeros(1, 6, 12), zeros(1, 7, 12), 3));
        Assert.Contains("[1,7,12]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => MultiHeadAttention.Apply(zeros(1, 5, 12), zeros(1, 6, 12), zeros(1, 6, 12), 5));
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope())
        {
            var x = randn([1, 256, 64]).requires_grad_();
            OneTimeGraph.Backward(MultiHeadAttention.Apply(x, x, x, 4).sum());
        }

        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    static Tensor Reference(Tensor q, Tensor k, Tensor v, long heads)
    {
        Tensor Split(Tensor x) => x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2); // [B, N, C] -> [B, h, N, d]
        var weights = (Split(q).matmul(Split(k).transpose(-1, -2)) / Math.Sqrt((double)q.shape[2] / heads)).softmax(-1);
        return weights.matmul(Split(v)).transpose(1, 2).reshape(q.shape);
    }
}
