using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Decoder;

/// <summary>Linear layers with ReLU between them (<c>SamFeedForward</c>).</summary>
sealed class SamFeedForward : Module
{
    readonly Linear _in;
    readonly ModuleList<Linear> _layers;
    readonly Linear _out;

    public SamFeedForward(int inputDim, int hiddenDim, int outputDim, int depth)
    {
        _in = Add("proj_in", new Linear(inputDim, hiddenDim));
        _layers = Add("layers", new ModuleList<Linear>(Enumerable.Range(0, Math.Max(0, depth - 2)).Select(_ => new Linear(hiddenDim, hiddenDim))));
        _out = Add("proj_out", new Linear(hiddenDim, outputDim));
    }

    /// <summary>Maps [..., input] to [..., output].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = nn.functional.relu(_in.Forward(x));
        foreach (var layer in _layers) x = nn.functional.relu(layer.Forward(x));
        return _out.Forward(x).MoveToOuterDisposeScope();
    }
}
