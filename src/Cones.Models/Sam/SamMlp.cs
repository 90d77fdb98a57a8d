using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam;

/// <summary>The feed-forward layers of encoder and decoder (<c>SamMLPBlock</c>).</summary>
sealed class SamMlp : Module
{
    readonly Linear _lin1;
    readonly Linear _lin2;
    readonly Func<Tensor, Tensor> _activation;

    public SamMlp(int dim, int mlpDim, string activation)
    {
        _lin1 = Add("lin1", new Linear(dim, mlpDim));
        _lin2 = Add("lin2", new Linear(mlpDim, dim));
        _activation = Activations.Named(activation);
    }

    /// <summary>Maps [..., dim] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return _lin2.Forward(_activation(_lin1.Forward(x))).MoveToOuterDisposeScope();
    }
}
