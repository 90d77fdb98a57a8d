using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Tasks.Generation;

/// <summary>
/// The border between float32, in which embeddings and loss are kept, and the type of the frozen network. In float16 the
/// gradients of a mean over all pixels would vanish (below 6e-8): inside the border they are those of the sum, a power of two
/// larger, so that scaling loses nothing (Micikevicius et al., arXiv 1710.03740, section 3.2). What overflows becomes infinite,
/// and the search skips the step.
/// </summary>
sealed class PrecisionBorder(ScalarType inside, long elements)
{
    readonly double _scale = inside == ScalarType.Float16 ? BitOperations.RoundUpToPowerOf2((ulong)elements) : 1;

    /// <summary>Into the network.</summary>
    public Tensor Enter(Tensor x)
    {
        if (x.dtype == inside) return x;
        return (_scale == 1 || !x.requires_grad ? x : GradientScale.Apply(x, 1 / _scale)).to(inside);
    }

    /// <summary>Out of the network, to float32.</summary>
    public Tensor Leave(Tensor x)
    {
        if (x.dtype == ScalarType.Float32) return x;
        var result = x.to(ScalarType.Float32);
        return _scale == 1 || !x.requires_grad ? result : GradientScale.Apply(result, _scale);
    }
}

/// <summary>Gives its input back, and multiplies the gradient on its way back.</summary>
sealed class GradientScale : SingleTensorFunction<GradientScale>
{
    /// <inheritdoc/>
    public override string Name => nameof(GradientScale);

    /// <summary>A copy of <paramref name="x"/> whose gradient is multiplied by <paramref name="factor"/>.</summary>
    public static Tensor Apply(Tensor x, double factor) => apply(x, factor);

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        ctx.save_data("factor", (double)vars[1]);
        return ((Tensor)vars[0]).clone();
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output * (double)ctx.get_data("factor"), null!];
}
