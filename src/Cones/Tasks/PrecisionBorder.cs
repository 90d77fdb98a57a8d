using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Tasks;

/// <summary>
/// The border between float32, in which embeddings and loss are kept, and the type of the frozen network. In float16 small
/// gradients would vanish (below 6e-8), such as those of a mean over all pixels: inside the border they are larger, by a power of
/// two, so that scaling loses nothing (Micikevicius et al., arXiv 1710.03740, section 3.2). What overflows becomes infinite, and
/// the search skips the step.
/// </summary>
/// <param name="inside">The type of the network.</param>
/// <param name="factor">How much larger gradients are inside, at least; for a mean the number of its elements, so that they are those of the sum.</param>
sealed class PrecisionBorder(ScalarType inside, long factor)
{
    /// <summary>
    /// The factor for losses that are sums over some objects, divided by their number: the smaller one of detectors in half precision,
    /// for which 128 to 512 is common, since matched boxes have steep gradients.
    /// </summary>
    public const long PerObject = 128;

    readonly double _scale = inside == ScalarType.Float16 ? BitOperations.RoundUpToPowerOf2((ulong)factor) : 1;

    /// <summary>Into the network.</summary>
    public Tensor Enter(Tensor x)
    {
        if (x.dtype == inside) return x;
        return (_scale == 1 || !x.requires_grad ? x : GradientScale.Apply(x, 1 / _scale)).to(inside);
    }

    /// <summary>Out of the network, to float32. All that a loss reads has to come this way, also what is float32 inside.</summary>
    public Tensor Leave(Tensor x)
    {
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
