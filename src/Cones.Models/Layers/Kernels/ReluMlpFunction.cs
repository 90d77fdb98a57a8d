using System.Runtime.Intrinsics;
using Cones.Models.Layers.Kernels.Products;
using Cones.Models.Native;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// Two frozen linear layers with a ReLU between them. Some rows at a time go through both, so that the wide activations never
/// leave the cache; for the backward pass one bit of each is kept: whether it was positive.
/// </summary>
sealed unsafe class ReluMlpFunction : KernelFunction<ReluMlpFunction>
{
    const int Lanes = 8;

    // Wide activations of about this many elements are in flight at a time, where LibTorch multiplies.
    const long ChunkElements = 1 << 20;

    // Rows that a thread takes through both layers: at the detectors' width their activations fill half of the second cache.
    const long RowsAtATime = 48;

    /// <summary>Whether <see cref="Apply"/> can take this.</summary>
    public static bool Accepts(Tensor x, Linear first, Linear second) =>
        TensorMemory.IsPlain(x) && first.Matrix.dtype == ScalarType.Float32 && second.Matrix.dtype == ScalarType.Float32
        && first.Bias is { requires_grad: false } && second.Bias is { requires_grad: false }
        && !first.Matrix.requires_grad && !second.Matrix.requires_grad && first.Matrix.shape[0] % Lanes == 0;

    /// <summary>Maps [..., in] to [..., out].</summary>
    public static Tensor Apply(Tensor x, Linear first, Linear second)
    {
        var call = new Call(first, second);
        if (!NeedsGradient(x)) return Compute(x, call, null);
        var y = apply(x, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var (x, call) = ((Tensor)vars[0], (Call)vars[1]);
        call.Context = ctx;
        var signs = empty([x.numel() / x.shape[^1], call.Wide / Lanes], ScalarType.Byte);
        var y = Compute(x, call, (byte*)TensorMemory.Pointer(signs));
        ctx.save_for_backward([signs]);
        ctx.save_data("call", call);
        return y;
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var call = (Call)context.get_data("call");
        var signs = (byte*)TensorMemory.Pointer(context.get_saved_variables()[0]);
        var wide = call.Wide;
        return
        [
            MatrixProduct.IsSupported
                ? InRows(gradOutput, call.Second.Packed(transposed: false), call.First.Packed(transposed: false), null, null, (values, first, count) => Mask(values, signs + (first / Lanes), 0, count / Lanes))
                : InChunks(gradOutput, call.First.Matrix.shape[1], wide, (rows, activations, first, result) =>
                {
                    activations.addmm_(rows, call.Second.Matrix, 0, 1); // [n, out] -> [n, wide]
                    var (values, from) = ((nint)TensorMemory.Pointer(activations), first * wide / Lanes);
                    ParallelRange.Run(activations.numel() / Lanes, 2048, (f, t) => Mask((float*)values, signs + from, f, t));
                    result.addmm_(activations, call.First.Matrix, 0, 1); // [n, wide] -> [n, in]
                }),
            null!,
        ];
    }

    static Tensor Compute(Tensor x, Call call, byte* signs)
    {
        var (wide, outFeatures) = (call.Wide, call.Second.Matrix.shape[0]);
        if (MatrixProduct.IsSupported)
        {
            return InRows(x, call.First.Packed(transposed: true), call.Second.Packed(transposed: true), TensorMemory.Pointer(call.First.Bias!), TensorMemory.Pointer(call.Second.Bias!), (values, first, count) =>
                Activate(values, signs == null ? null : signs + (first / Lanes), 0, count / Lanes));
        }

        return InChunks(x, outFeatures, wide, (rows, activations, first, result) =>
        {
            activations.addmm_(rows, call.First.Matrix.t(), 0, 1).add_(call.First.Bias!); // [n, in] -> [n, wide]
            var (values, from) = ((nint)TensorMemory.Pointer(activations), first * wide / Lanes);
            ParallelRange.Run(activations.numel() / Lanes, 2048, (f, t) => Activate((float*)values, signs == null ? null : signs + from, f, t));
            result.addmm_(activations, call.Second.Matrix.t(), 0, 1).add_(call.Second.Bias!); // [n, wide] -> [n, out]
        });
    }

    // y = f(x A + a) B + b: each thread takes some rows through both products, so that what lies between stays in its cache.
    static Tensor InRows(Tensor x, PackedMatrix a, PackedMatrix b, float* biasA, float* biasB, Middle middle)
    {
        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, x.shape[^1]).contiguous();
        var y = empty([rows.shape[0], b.Columns], ScalarType.Float32);
        var (count, wide) = (rows.shape[0], a.Columns);
        var (source, target) = ((nint)TensorMemory.Pointer(rows), (nint)TensorMemory.Pointer(y));
        ParallelRange.Each((count + RowsAtATime - 1) / RowsAtATime, task =>
        {
            using var workspace = new Workspace(RowsAtATime * wide);
            var values = workspace.Take(RowsAtATime * wide);
            var first = task * RowsAtATime;
            var n = Math.Min(RowsAtATime, count - first);
            MatrixProduct.Multiply((float*)source + (first * a.Rows), a.Rows, a, values, wide, n, biasA, oneThread: true); // [n, in] -> [n, wide]
            middle(values, first * wide, n * wide);
            MatrixProduct.Multiply(values, wide, b, (float*)target + (first * b.Columns), b.Columns, n, biasB, oneThread: true); // [n, wide] -> [n, out]
        });
        return y.view([.. x.shape[..^1], b.Columns]).MoveToOuterDisposeScope();
    }

    // Some rows of x at a time: the function gets them, room for their wide activations, the first one's index, and what to write.
    static Tensor InChunks(Tensor x, long outFeatures, long wide, Action<Tensor, Tensor, long, Tensor> forward)
    {
        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, x.shape[^1]).contiguous();
        var count = rows.shape[0];
        var most = Math.Min(Math.Max(ChunkElements / wide, 1), count);
        var (y, activations) = (empty([count, outFeatures], ScalarType.Float32), empty([most, wide], ScalarType.Float32));
        for (var first = 0L; first < count; first += most)
        {
            using var part = NewDisposeScope();
            var n = Math.Min(most, count - first);
            forward(rows.narrow(0, first, n), activations.narrow(0, 0, n), first, y.narrow(0, first, n));
        }

        return y.view([.. x.shape[..^1], outFeatures]).MoveToOuterDisposeScope();
    }

    // Notes what is positive and zeroes the rest; NaN stays, as in ReLU. Counted in lanes.
    static void Activate(float* values, byte* signs, long from, long to)
    {
        for (var i = from; i < to; i++)
        {
            var v = Vector256.Load(values + (i * Lanes));
            if (signs != null) signs[i] = (byte)Vector256.GreaterThan(v, Vector256<float>.Zero).ExtractMostSignificantBits();
            Vector256.Max(v, Vector256<float>.Zero).Store(values + (i * Lanes));
        }
    }

    // Zeroes the gradient of what was not positive.
    static void Mask(float* values, byte* signs, long from, long to)
    {
        var bits = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        for (var i = from; i < to; i++)
        {
            var positive = Vector256.Equals(Vector256.Create((int)signs[i]) & bits, bits).AsSingle();
            (Vector256.Load(values + (i * Lanes)) & positive).Store(values + (i * Lanes));
        }
    }

    // What is done to some of the wide activations: the first one's index among all, and their number.
    delegate void Middle(float* values, long first, long count);

    sealed record Call(Linear First, Linear Second)
    {
        public long Wide => First.Matrix.shape[0];

        public AutogradContext? Context { get; set; }
    }
}
