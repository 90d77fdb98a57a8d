using Cones.Models.Layers;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Tests.Training;

public sealed class FlatParametersTests
{
    [Fact]
    public void Weights_that_a_loss_does_not_depend_on_get_no_gradient()
    {
        using var scope = NewDisposeScope();
        using Linear used = new(2, 1, bias: false), unused = new(2, 1, bias: false);
        foreach (var layer in (Linear[])[used, unused]) RandomWeights.Fill(layer, 1);
        using var parameters = new FlatParameters([new TrainedPart("used", used), new TrainedPart("unused", unused)]);
        parameters.Gradient.fill_(7);
        parameters.Differentiate(used.Forward(tensor([3f, 4f], [1, 2])).sum());
        Assert.Equal([3f, 4, 0, 0], parameters.Gradient.data<float>().ToArray());
    }

    [Fact]
    public void Rates_multiply()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(2, 1);
        RandomWeights.Fill(layer, 1);
        using var parameters = new FlatParameters([new TrainedPart("layer", layer, 0.5, name => name == "bias" ? 0.1 : 1)]);
        Assert.Equal([("layer.weight", 0.5), ("layer.bias", 0.05)], parameters.Segments.Select(s => (s.Name, s.RateFactor)));
    }
}
