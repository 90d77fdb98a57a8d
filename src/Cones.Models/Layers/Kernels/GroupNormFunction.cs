using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// Group normalisation, with or without a SiLU after it. Only its input is kept for the backward pass, which makes the
/// normalised and the activated map again.
/// </summary>
sealed class GroupNormFunction : KernelFunction<GroupNormFunction>
{
    /// <summary>Whether <see cref="Apply"/> can take this input and these weights.</summary>
    public static bool Accepts(Tensor x, Tensor weight, Tensor bias) =>
        TensorMemory.IsPlain(x) && x.dim() == 4 && x.shape[1] % 8 == 0 && TensorMemory.IsChannelsLast(x)
        && weight.dtype == ScalarType.Float32 && bias.dtype == ScalarType.Float32;

    /// <summary>Maps a channels-last [B, C, H, W] to the same.</summary>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor bias, long groups, double eps, bool silu)
    {
        var call = new Call(weight, bias, groups, eps, silu, NeedsGradient(x), NeedsGradient(weight), NeedsGradient(bias));
        if (call.OfInput || call.OfWeight || call.OfBias)
        {
            // Frozen weights are no inputs of the graph.
            var y = apply(x, call.OfWeight ? weight : null!, call.OfBias ? bias : null!, call);
            OutputCache.Free(call.Context!);
            return y;
        }

        using var moments = empty([x.shape[0], 2, groups], dtype: ScalarType.Float32);
        return Compute(x, call, moments);
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var (x, call) = ((Tensor)vars[0], (Call)vars[3]);
        call.Context = ctx;
        var moments = empty([x.shape[0], 2, call.Groups], dtype: ScalarType.Float32);
        var y = Compute(x, call, moments);
        ctx.save_for_backward([x, moments]);
        ctx.save_data("call", call);
        return y;
    }

    /// <inheritdoc/>
    protected override unsafe List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var call = (Call)context.get_data("call");
        var saved = context.get_saved_variables();
        var (x, moments) = (saved[0], saved[1]);
        var gradY = TensorMemory.ToChannelsLast(gradOutput);
        var shape = x.shape;
        var gradX = TensorMemory.EmptyChannelsLast(shape[0], shape[1], shape[2], shape[3]);
        var gradWeight = call.OfWeight ? empty([shape[1]], dtype: ScalarType.Float32) : null;
        var gradBias = call.OfBias ? empty([shape[1]], dtype: ScalarType.Float32) : null;
        new GroupNormKernel(shape[0], shape[2] * shape[3], shape[1], call.Groups, call.Silu).Backward(
            TensorMemory.ChannelsLastPointer(x), TensorMemory.ChannelsLastPointer(gradY), TensorMemory.Pointer(call.Weight), TensorMemory.Pointer(call.Bias),
            TensorMemory.Pointer(moments), TensorMemory.ChannelsLastPointer(gradX),
            gradWeight is null ? null : TensorMemory.Pointer(gradWeight), gradBias is null ? null : TensorMemory.Pointer(gradBias));
        return [call.OfInput ? gradX : null!, gradWeight!, gradBias!, null!];
    }

    static unsafe Tensor Compute(Tensor x, Call call, Tensor moments)
    {
        using var scope = NewDisposeScope();
        var shape = x.shape;
        var y = TensorMemory.EmptyChannelsLast(shape[0], shape[1], shape[2], shape[3]);
        new GroupNormKernel(shape[0], shape[2] * shape[3], shape[1], call.Groups, call.Silu).Forward(
            TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(call.Weight), TensorMemory.Pointer(call.Bias), call.Eps,
            TensorMemory.ChannelsLastPointer(y), TensorMemory.Pointer(moments));
        return y.MoveToOuterDisposeScope();
    }

    sealed record Call(Tensor Weight, Tensor Bias, long Groups, double Eps, bool Silu, bool OfInput, bool OfWeight, bool OfBias)
    {
        public AutogradContext? Context { get; set; }
    }
}
