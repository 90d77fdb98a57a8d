using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>Two or three linear layers with ReLU between them (<c>Sam3DecoderMLP</c>).</summary>
sealed class Sam3DecoderMlp : Module
{
    readonly Linear[] _layers;

    public Sam3DecoderMlp(int inputDim, int hiddenDim, int outputDim, int depth) =>
        _layers = [.. Enumerable.Range(0, depth).Select(i => Add(
            $"layer{i + 1}", new Linear(i == 0 ? inputDim : hiddenDim, i == depth - 1 ? outputDim : hiddenDim)))];

    /// <summary>Maps [..., input] to [..., output].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        foreach (var layer in _layers.SkipLast(1)) x = nn.functional.relu(layer.Forward(x));
        return _layers[^1].Forward(x).MoveToOuterDisposeScope();
    }
}
