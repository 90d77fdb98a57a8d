using Cones.Models.Sam.Encoder;
using Cones.Models.Tests.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam;

public sealed class RelativeAttentionTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(2, 3, 3, 4)]
    [InlineData(3, 2, 8, 5)]
    [InlineData(120, 14, 14, 4)] // windows in several parts
    [InlineData(1, 50, 45, 6)] // queries in several parts
    public void It_computes_what_the_formula_says_with_all_gradients(long count, long height, long width, long dim)
    {
        var inputs = Inputs(count, height, width, dim, ScalarType.Float32);
        Tensor[] exact = [.. inputs.Select(t => t.to(ScalarType.Float64).requires_grad_())];
        var expected = Formula(exact, height, width);
        using (no_grad()) AssertClose(expected, Apply(inputs));

        foreach (var input in inputs) input.requires_grad_();
        var y = Apply(inputs);
        var cotangent = randn(y.shape);
        var gradients = autograd.grad([(y * cotangent).sum()], inputs);
        var references = autograd.grad([(expected * cotangent.to(ScalarType.Float64)).sum()], exact);
        AssertClose(expected, y);
        for (var i = 0; i < inputs.Length; i++) AssertClose(references[i], gradients[i]);
    }

    [Fact]
    public void Large_scores_do_not_overflow()
    {
        var inputs = Inputs(1, 3, 9, 4, ScalarType.Float32);
        inputs[0].mul_(1e4f);
        var y = Apply(inputs);
        Assert.True(y.isfinite().all().item<bool>());
        AssertClose(Formula([.. inputs.Select(t => t.to(ScalarType.Float64))], 3, 9), y);
    }

    [Fact]
    public void Gradients_agree_with_differences()
    {
        var inputs = Inputs(2, 3, 4, 3, ScalarType.Float64);
        FiniteDifferences.Check(() => Apply(inputs), [.. inputs.Select((t, i) => ($"input {i}", t))]);
    }

    [Fact]
    public void A_gradient_is_computed_where_only_one_input_needs_it()
    {
        for (var i = 0; i < 5; i++)
        {
            var inputs = Inputs(2, 3, 3, 4, ScalarType.Float32);
            inputs[i].requires_grad_();
            Assert.True(autograd.grad([Apply(inputs).square().sum()], [inputs[i]])[0].abs().max().item<float>() > 0);
        }
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind()
    {
        var inputs = Inputs(2, 5, 5, 4, ScalarType.Float32);
        inputs[0].requires_grad_();
        using (NewDisposeScope()) Step();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Step() => autograd.grad([Apply(inputs).sum()], [inputs[0]]);
    }

    static Tensor Apply(Tensor[] t) => RelativeAttention.Apply(t[0], t[1], t[2], t[3], t[4]);

    static Tensor Formula(Tensor[] t, long height, long width)
    {
        var bias = (t[3].unsqueeze(-1) + t[4].unsqueeze(-2)).view(t[0].shape[0], height * width, height * width);
        return ((t[0].matmul(t[1].transpose(1, 2)) / Math.Sqrt(t[0].shape[2])) + bias).softmax(-1).matmul(t[2]);
    }

    static Tensor[] Inputs(long count, long height, long width, long dim, ScalarType type)
    {
        random.manual_seed(5);
        var tokens = height * width;
        return [randn(count, tokens, dim, type), randn(count, tokens, dim, type), randn(count, tokens, dim, type), randn(count, tokens, height, type), randn(count, tokens, width, type)];
    }

    static void AssertClose(Tensor expected, Tensor actual)
    {
        var most = (actual.to(ScalarType.Float64) - expected).abs().max().item<double>();
        Assert.True(most <= 2e-5 * Math.Max(1, expected.abs().max().item<double>()), $"{most}");
    }
}
