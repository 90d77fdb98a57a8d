using Cones.Models.Layers;
using Cones.Pretraining.Training;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Tests.Training;

public sealed class AdamWTests
{
    [Fact]
    public void Updates_are_those_of_AdamW_with_clipping_and_average()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(7, 3);
        RandomWeights.Fill(layer, 1);
        using var parameters = new FlatParameters([new TrainedPart("layer", layer)]);
        var expected = parameters.Segments.Select(s => KeyValuePair.Create(s.Name, parameters.Values.narrow(0, s.Start, s.Count).clone())).ToArray();
        var options = new AdamWOptions(WeightDecay: 0.1, ClipNorm: 0.5, AverageDecay: 0.5);
        using var optimizer = new AdamW(parameters, options);
        // The reference decays everything: here only the matrix decays.
        using var matrix = new Adam(new OptimizerOptions { Beta2 = 0.99, WeightDecay = 0.1 }, expected[..1]);
        using var shift = new Adam(new OptimizerOptions { Beta2 = 0.99, WeightDecay = 0 }, expected[1..]);
        using var generator = new Generator(3);
        var average = cat([.. expected.Select(e => e.Value)]);
        for (var step = 0; step < 5; step++)
        {
            var gradient = randn([24], generator: generator);
            parameters.Gradient.copy_(gradient);
            var norm = optimizer.Step(step, 0.05);
            Assert.Equal(gradient.norm().item<float>(), norm, 1e-4);
            var clipped = gradient * (0.5 / norm);
            matrix.Step(0.05, [clipped.narrow(0, 0, 21)]);
            shift.Step(0.05, [clipped.narrow(0, 21, 3)]);
            var all = cat([.. expected.Select(e => e.Value)]);
            Assert.True(parameters.Values.allclose(all, 1e-5, 1e-6));
            var decay = Math.Min(0.5, (1.0 + step) / (10 + step));
            average = (average * decay) + (all * (1 - decay));
            Assert.True(optimizer.Average.allclose(average, 1e-5, 1e-6));
        }
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(2, 2);
        RandomWeights.Fill(layer, 1);
        using var parameters = new FlatParameters([new TrainedPart("layer", layer)]);
        using var optimizer = new AdamW(parameters, new AdamWOptions());
        var before = parameters.Values.clone();
        parameters.Gradient.fill_(float.NaN);
        Assert.False(double.IsFinite(optimizer.Step(0, 1)));
        Assert.True(parameters.Values.eq(before).all().item<bool>());
    }

    [Fact]
    public void Weights_and_gradients_of_convolutions_are_views_of_the_vectors()
    {
        using var scope = NewDisposeScope();
        using var layer = new Conv2d(8, 16, 3, padding: 1);
        RandomWeights.Fill(layer, 2);
        var weight = layer.NamedWeights().First().Value.Value.clone();
        using var parameters = new FlatParameters([new TrainedPart("conv", layer)]);
        var x = randn(2, 8, 5, 5);
        var loss = layer.Forward(x).square().sum();
        parameters.Differentiate(loss);
        var leaf = weight.detach().requires_grad_(true);
        var expected = autograd.grad([nn.functional.conv2d(x, leaf, null, [1, 1], [1, 1]).square().sum()], [leaf])[0];
        var got = parameters.Gradient.narrow(0, 0, 16 * 9 * 8).view(16, 3, 3, 8).permute(0, 3, 1, 2);
        Assert.True(got.allclose(expected, 1e-3, 1e-3));
        using (no_grad()) parameters.Values.zero_();
        Assert.Equal(0, layer.Forward(x).abs().sum().item<float>());
    }
}
