using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>The sampling of multi-scale deformable attention. Only its inputs are kept for the backward pass.</summary>
sealed unsafe class DeformableAttentionFunction : KernelFunction<DeformableAttentionFunction>
{
    /// <summary>Whether <see cref="Apply"/> can take this.</summary>
    public static bool Accepts(Tensor value, Tensor locations, Tensor weights) =>
        TensorMemory.IsPlain(value) && TensorMemory.IsPlain(locations) && TensorMemory.IsPlain(weights) && value.shape[3] % 8 == 0
        && value.shape[1] < 1 << 24 && value.shape[1] * value.shape[2] * value.shape[3] < int.MaxValue; // pixels are counted in float32, places in int32

    /// <summary>As <see cref="DeformableAttention.Sample"/>.</summary>
    public static Tensor Apply(Tensor value, IReadOnlyList<(long Height, long Width)> shapes, Tensor locations, Tensor weights)
    {
        var call = new Call([.. shapes.Select(s => ((int)s.Height, (int)s.Width))], NeedsGradient(value));
        if (!call.ValueNeedsGradient && !NeedsGradient(locations) && !NeedsGradient(weights)) return Compute(value, locations, weights, call);
        var y = apply(value, locations, weights, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var (value, locations, weights, call) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Call)vars[3]);
        call.Context = ctx;
        ctx.save_for_backward([value, locations, weights]);
        ctx.save_data("call", call);
        return Compute(value, locations, weights, call);
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var call = (Call)context.get_data("call");
        var saved = context.get_saved_variables();
        var value = saved[0].transpose(1, 2).contiguous(); // [B, S, heads, D] -> [B, heads, S, D]
        var (locations, weights, gradient) = (saved[1].contiguous(), saved[2].contiguous(), gradOutput.contiguous());
        var gradValue = call.ValueNeedsGradient ? zeros(value.shape) : null;
        var (gradLocations, gradWeights) = (empty(locations.shape), empty(weights.shape));
        Kernel(value, weights, call).Backward(
            TensorMemory.Pointer(value), TensorMemory.Pointer(locations), TensorMemory.Pointer(weights), TensorMemory.Pointer(gradient),
            gradValue is null ? null : TensorMemory.Pointer(gradValue), TensorMemory.Pointer(gradLocations), TensorMemory.Pointer(gradWeights));
        return [gradValue?.transpose(1, 2)!, gradLocations, gradWeights, null!];
    }

    static Tensor Compute(Tensor value, Tensor locations, Tensor weights, Call call)
    {
        using var scope = NewDisposeScope();
        value = value.transpose(1, 2).contiguous(); // [B, S, heads, D] -> [B, heads, S, D]
        (locations, weights) = (locations.contiguous(), weights.contiguous());
        var y = empty(value.shape[0], weights.shape[1], value.shape[1] * value.shape[3]);
        Kernel(value, weights, call).Forward(TensorMemory.Pointer(value), TensorMemory.Pointer(locations), TensorMemory.Pointer(weights), TensorMemory.Pointer(y));
        return y.MoveToOuterDisposeScope();
    }

    static DeformableAttentionKernel Kernel(Tensor value, Tensor weights, Call call) =>
        new(value.shape[0], value.shape[2], value.shape[1], value.shape[3], weights.shape[1], (int)weights.shape[4], call.Shapes);

    sealed record Call((int Height, int Width)[] Shapes, bool ValueNeedsGradient)
    {
        public AutogradContext? Context { get; set; }
    }
}
