using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Glip.Head.Kernels;

/// <summary>The larger of two lines, with slopes and offsets for each channel and sample.</summary>
sealed class TwoLinesFunction : KernelFunction<TwoLinesFunction>
{
    /// <summary>Computes it, by the kernel where it can be.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="lines">[B, 4, C]: slope and offset of the first line, then of the second.</param>
    /// <returns>[B, C, H, W].</returns>
    public static Tensor Maximum(Tensor x, Tensor lines)
    {
        if (TensorMemory.IsPlain(x) && TensorMemory.IsPlain(lines) && x.shape[1] % 8 == 0 && TensorMemory.IsChannelsLast(x)) return Apply(x, lines);
        using var scope = NewDisposeScope();
        var parts = lines.unsqueeze(-1).unsqueeze(-1).unbind(1); // 4 x [B, C, 1, 1]
        return maximum((parts[0] * x) + parts[1], (parts[2] * x) + parts[3]).MoveToOuterDisposeScope();
    }

    static Tensor Apply(Tensor x, Tensor lines)
    {
        if (!NeedsGradient(x) && !NeedsGradient(lines)) return Compute(x, lines);
        var call = new Call();
        var y = apply(x, lines, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var (x, lines) = ((Tensor)vars[0], (Tensor)vars[1]);
        ((Call)vars[2]).Context = ctx;
        ctx.save_for_backward([x, lines]);
        return Compute(x, lines);
    }

    /// <inheritdoc/>
    protected override unsafe List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var saved = context.get_saved_variables();
        var (x, lines, gradY) = (saved[0], saved[1].contiguous(), TensorMemory.ToChannelsLast(gradOutput));
        var (gradX, gradLines) = (Like(x), empty(lines.shape));
        Kernel(x).Backward(
            TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(lines), TensorMemory.ChannelsLastPointer(gradY), TensorMemory.ChannelsLastPointer(gradX), TensorMemory.Pointer(gradLines));
        return [gradX, gradLines, null!];
    }

    static unsafe Tensor Compute(Tensor x, Tensor lines)
    {
        using var scope = NewDisposeScope();
        var y = Like(x);
        Kernel(x).Forward(TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(lines.contiguous()), TensorMemory.ChannelsLastPointer(y));
        return y.MoveToOuterDisposeScope();
    }

    static TwoLinesKernel Kernel(Tensor map) => new(map.shape[0], map.shape[2] * map.shape[3], map.shape[1]);

    static Tensor Like(Tensor map) => TensorMemory.EmptyChannelsLast(map.shape[0], map.shape[1], map.shape[2], map.shape[3]);

    sealed record Call
    {
        public AutogradContext? Context { get; set; }
    }
}
