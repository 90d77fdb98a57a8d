using Cones.Models.Layers.Kernels.Attention;
using Cones.Models.Layers.Kernels.Products;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>Softmax attention of tokens whose heads lie side by side; no head is ever copied.</summary>
sealed unsafe class AttentionFunction : KernelFunction<AttentionFunction>
{
    // Below this many scores LibTorch is as fast.
    const long LeastScores = 1 << 14;

    /// <summary>Whether <see cref="Apply"/> can take these, and is worth it.</summary>
    public static bool Accepts(Tensor q, Tensor k, Tensor v, long heads) =>
        ProductTile.IsSupported && TensorMemory.IsPlain(q) && TensorMemory.IsPlain(k) && TensorMemory.IsPlain(v)
        && q.dim() == 3 && q.shape[0] * heads * q.shape[1] * k.shape[1] >= LeastScores;

    /// <summary>Attention of queries [B, Nq, C] to keys and values [B, Nk, C], all of H heads of C / H.</summary>
    /// <returns>[B, Nq, C].</returns>
    public static Tensor Apply(Tensor q, Tensor k, Tensor v, long heads, double scale)
    {
        var shape = new AttentionShape(q.shape[0], q.shape[1], k.shape[1], heads, q.shape[2] / heads, scale);
        var call = new Call(shape);
        if (NeedsGradient(q) || NeedsGradient(k) || NeedsGradient(v))
        {
            var result = apply(q, k, v, call);
            OutputCache.Free(call.Context!);
            return result;
        }

        using var logSums = LogSums(shape);
        return Compute(q, k, v, logSums, shape);
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[3];
        call.Context = ctx;
        using var scope = NewDisposeScope();
        Tensor q = ((Tensor)vars[0]).contiguous(), k = ((Tensor)vars[1]).contiguous(), v = ((Tensor)vars[2]).contiguous();
        var logSums = LogSums(call.Shape);
        var result = Compute(q, k, v, logSums, call.Shape);
        ctx.save_for_backward([q, k, v, result, logSums]);
        ctx.save_data("call", call);
        foreach (var saved in (Tensor[])[q, k, v, logSums]) saved.MoveToOuterDisposeScope(); // saved after this method returns
        return result.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var shape = ((Call)context.get_data("call")).Shape;
        var saved = context.get_saved_variables();
        var (q, k, v, result, logSums) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
        var gradResult = gradOutput.contiguous();
        Tensor gradQ = empty(q.shape, dtype: ScalarType.Float32), gradK = empty(k.shape, dtype: ScalarType.Float32), gradV = empty(v.shape, dtype: ScalarType.Float32);
        AttentionBackward.Run(
            new AttentionBackward.Pointers
            {
                Q = TensorMemory.Pointer(q),
                K = TensorMemory.Pointer(k),
                V = TensorMemory.Pointer(v),
                Result = TensorMemory.Pointer(result),
                LogSums = TensorMemory.Pointer(logSums),
                GradResult = TensorMemory.Pointer(gradResult),
                GradQ = TensorMemory.Pointer(gradQ),
                GradK = TensorMemory.Pointer(gradK),
                GradV = TensorMemory.Pointer(gradV),
            },
            shape);
        return [gradQ, gradK, gradV, null!];
    }

    static Tensor LogSums(AttentionShape shape) => empty([shape.Batch, shape.Heads, shape.Queries], dtype: ScalarType.Float32);

    static Tensor Compute(Tensor q, Tensor k, Tensor v, Tensor logSums, AttentionShape shape)
    {
        using var scope = NewDisposeScope();
        (q, k, v) = (q.contiguous(), k.contiguous(), v.contiguous());
        var result = empty(q.shape, dtype: ScalarType.Float32);
        AttentionForward.Run(
            TensorMemory.Pointer(q), TensorMemory.Pointer(k), TensorMemory.Pointer(v), TensorMemory.Pointer(result), TensorMemory.Pointer(logSums), shape);
        return result.MoveToOuterDisposeScope();
    }

    sealed record Call(AttentionShape Shape)
    {
        public AutogradContext? Context { get; set; }
    }
}
