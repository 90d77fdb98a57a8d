using Cones.Models.Layers.Kernels.Products;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary><c>y = x Wᵀ + b</c> with frozen weights. Nothing is kept for the backward pass.</summary>
sealed unsafe class LinearFunction : KernelFunction<LinearFunction>
{
    // Below this many multiply-adds a call's overhead counts more than its arithmetic.
    const long LeastWork = 8 << 20;

    /// <summary>Whether <see cref="Apply"/> can take this, and is worth it.</summary>
    public static bool Accepts(Tensor x, Tensor weight, Tensor? bias) =>
        MatrixProduct.IsSupported && TensorMemory.IsPlain(x) && x.numel() * weight.shape[0] >= LeastWork && x.shape[^1] == weight.shape[1]
        && TensorMemory.IsPlain(weight) && weight.is_contiguous() && !weight.requires_grad && bias is not { requires_grad: true };

    /// <summary>Maps [..., in] to [..., out].</summary>
    /// <param name="x">[..., in].</param>
    /// <param name="weight">[out, in], contiguous.</param>
    /// <param name="bias">[out] or null.</param>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias)
    {
        var call = new Call(weight, bias);
        if (!NeedsGradient(x)) return Compute(x, call);
        var y = apply(x, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[1];
        call.Context = ctx;
        ctx.save_for_backward([call.Weight]); // it may be a view whose handle is gone by then
        return Compute((Tensor)vars[0], call);
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var weight = context.get_saved_variables()[0];
        var gradY = gradOutput.contiguous();
        var (outFeatures, inFeatures) = (weight.shape[0], weight.shape[1]);
        var gradX = empty([.. gradY.shape[..^1], inFeatures], dtype: ScalarType.Float32);
        MatrixProduct.Multiply(
            TensorMemory.Pointer(gradY), outFeatures, TensorMemory.Pointer(weight), inFeatures, transposed: false,
            TensorMemory.Pointer(gradX), inFeatures, (gradY.numel() / outFeatures, inFeatures, outFeatures));
        return [gradX, null!];
    }

    static Tensor Compute(Tensor x, Call call)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var (outFeatures, inFeatures) = (call.Weight.shape[0], call.Weight.shape[1]);
        var y = empty([.. x.shape[..^1], outFeatures], dtype: ScalarType.Float32);
        MatrixProduct.Multiply(
            TensorMemory.Pointer(x), inFeatures, TensorMemory.Pointer(call.Weight), inFeatures, transposed: true,
            TensorMemory.Pointer(y), outFeatures, (x.numel() / inFeatures, outFeatures, inFeatures), call.Bias is null ? null : TensorMemory.Pointer(call.Bias));
        return y.MoveToOuterDisposeScope();
    }

    sealed record Call(Tensor Weight, Tensor? Bias)
    {
        public AutogradContext? Context { get; set; }
    }
}
