using Cones.Models.Layers;
using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>The end of every layer: <c>norm(x + fc2(activation(fc1(x))))</c>, on layers that the owner names.</summary>
sealed class FeedForward(Linear fc1, Linear fc2, LayerNorm norm, string activation)
{
    readonly Func<Tensor, Tensor> _activation = Activations.Named(activation);
    readonly bool _isRelu = activation == "relu";

    /// <summary>Maps [B, T, D] to the same.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var y = _isRelu && ReluMlpFunction.Accepts(x, fc1, fc2) ? ReluMlpFunction.Apply(x, fc1, fc2) : fc2.Forward(_activation(fc1.Forward(x)));
        return norm.Forward(x + y).MoveToOuterDisposeScope();
    }
}
