using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class TrainedConvolutionTests
{
    [Theory]
    [InlineData(8, 64, 128, 16, 16, true)]
    [InlineData(3, 128, 72, 21, 18, true)]
    [InlineData(16, 96, 96, 8, 8, false)]
    [InlineData(1, 192, 64, 33, 33, false)]
    public void Gradients_are_those_of_LibTorch(long batch, long inChannels, long outChannels, long height, long width, bool additions)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        using var conv = new Conv2d(inChannels, outChannels, 3, padding: 1);
        RandomWeights.Fill(conv, 1);
        conv.ToChannelsLast();
        conv.SetRequiresGrad(true);
        var (weight, bias) = (conv.NamedWeights().First().Value.Value, conv.NamedWeights().Last().Value.Value);
        var x = Map(inChannels).requires_grad_(true);
        var perSample = additions ? randn([batch, outChannels], generator: generator).requires_grad_(true) : null;
        var residual = additions ? Map(outChannels).requires_grad_(true) : null;
        var gradY = Map(outChannels);
        Tensor[] inputs = additions ? [x, weight, bias, perSample!, residual!] : [x, weight, bias];
        var y = conv.Forward(x, perSample, residual);
        var got = autograd.grad([y], inputs, [gradY]);

        Tensor[] exact = [.. inputs.Select(t => t.detach().to(ScalarType.Float64).contiguous().requires_grad_(true))];
        var reference = nn.functional.conv2d(exact[0], exact[1], exact[2], [1, 1], [1, 1]);
        if (additions) reference = reference + exact[3].unsqueeze(-1).unsqueeze(-1) + exact[4];
        var expected = autograd.grad([reference], exact, [gradY.to(ScalarType.Float64)]);
        Close(reference, y);
        for (var i = 0; i < exact.Length; i++) Close(expected[i], got[i]);

        // Without gradients too: a model is looked at during its training.
        using var noGrad = no_grad();
        Close(reference, conv.Forward(x, perSample, residual));

        Tensor Map(long channels) => randn([batch, height, width, channels], generator: generator).permute(0, 3, 1, 2);
    }

    [Fact]
    public void A_training_step_leaves_no_tensor_behind()
    {
        using var conv = new Conv2d(96, 96, 3, padding: 1);
        RandomWeights.Fill(conv, 1);
        conv.SetRequiresGrad(true);
        Step();
        var before = Tensor.TotalCount;
        for (var i = 0; i < 3; i++) Step();
        Assert.Equal(before, Tensor.TotalCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            var x = randn(4, 16, 16, 96).permute(0, 3, 1, 2);
            autograd.grad([conv.Forward(x).square().sum()], [.. conv.NamedWeights().Select(w => w.Value.Value)]);
        }
    }

    static void Close(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        var scale = expected.abs().max().item<double>();
        Assert.InRange((expected - actual.to(ScalarType.Float64)).abs().max().item<double>(), 0, 3e-6 * Math.Max(scale, 1));
    }
}
