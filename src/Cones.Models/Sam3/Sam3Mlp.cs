using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3;

/// <summary>The feed-forward layers of all transformers (<c>Sam3MLP</c>).</summary>
sealed class Sam3Mlp : Module
{
    readonly Linear _fc1;
    readonly Linear _fc2;
    readonly Func<Tensor, Tensor> _activation;

    public Sam3Mlp(int dim, int intermediate, string activation)
    {
        _fc1 = Add("fc1", new Linear(dim, intermediate));
        _fc2 = Add("fc2", new Linear(intermediate, dim));
        _activation = Activations.Named(activation);
    }

    /// <summary>Maps [..., dim] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return _fc2.Forward(_activation(_fc1.Forward(x))).MoveToOuterDisposeScope();
    }
}
