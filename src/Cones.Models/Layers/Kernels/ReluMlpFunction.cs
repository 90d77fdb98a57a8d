using System.Runtime.Intrinsics;
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

    // Wide activations of about this many elements are in flight at a time.
    const long ChunkElements = 1 << 20;

    /// <summary>Whether <see cref="Apply"/> can take this.</summary>
    public static bool Accepts(Tensor x, Linear first, Linear second) =>
        TensorMemory.IsPlain(x) && first.Matrix.dtype == ScalarType.Float32 && second.Matrix.dtype == ScalarType.Float32
        && first.Bias is { requires_grad: false } && second.Bias is { requires_grad: false }
        && !first.Matrix.requires_grad && !second.Matrix.requires_grad && first.Matrix.shape[0] % Lanes == 0;

    /// <summary>Maps [..., in] to [..., out].</summary>
    public static Tensor Apply(Tensor x, Linear first, Linear second)
    {
        var call = new Call(first.Matrix, first.Bias!, second.Matrix, second.Bias!);
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
        var signs = empty([x.numel() / x.shape[^1], call.W1.shape[0] / Lanes], ScalarType.Byte);
        var y = Compute(x, call, (byte*)TensorMemory.Pointer(signs));
        ctx.save_for_backward([signs]);
        ctx.save_data("call", call);
        return y;
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var call = (Call)ctx.get_data("call");
        var signs = (byte*)TensorMemory.Pointer(ctx.get_saved_variables()[0]);
        var wide = call.W1.shape[0];
        var gradient = InChunks(grad_output, call.W1.shape[1], wide, (rows, first) =>
        {
            var activations = rows.mm(call.W2); // [n, out] -> [n, wide]
            Mask(TensorMemory.Pointer(activations), signs + (first * wide / Lanes), rows.shape[0] * wide);
            return activations.mm(call.W1); // [n, in]
        });
        return [gradient.MoveToOuterDisposeScope(), null!];
    }

    static Tensor Compute(Tensor x, Call call, byte* signs)
    {
        var wide = call.W1.shape[0];
        return InChunks(x, call.W2.shape[0], wide, (rows, first) =>
        {
            var activations = rows.mm(call.W1.t()); // [n, in] -> [n, wide]
            Activate(TensorMemory.Pointer(activations), TensorMemory.Pointer(call.B1), signs == null ? null : signs + (first * wide / Lanes), rows.shape[0], wide);
            return nn.functional.linear(activations, call.W2, call.B2); // [n, out]
        });
    }

    // Some rows of x at a time; the function is told the first one's index.
    static Tensor InChunks(Tensor x, long outFeatures, long wide, Func<Tensor, long, Tensor> forward)
    {
        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, x.shape[^1]);
        var count = rows.shape[0];
        var y = empty([count, outFeatures], ScalarType.Float32);
        var most = Math.Max(ChunkElements / wide, 1);
        for (var first = 0L; first < count; first += most)
        {
            using var part = NewDisposeScope();
            var n = Math.Min(most, count - first);
            y.narrow(0, first, n).copy_(forward(rows.narrow(0, first, n), first));
        }

        return y.view([.. x.shape[..^1], outFeatures]).MoveToOuterDisposeScope();
    }

    // Adds the bias, notes what is positive, zeroes the rest.
    static void Activate(float* values, float* bias, byte* signs, long rows, long wide) => ParallelRange.Run(rows, 8, (from, to) =>
    {
        for (var row = from; row < to; row++)
        {
            var line = values + (row * wide);
            for (var i = 0L; i < wide; i += Lanes)
            {
                var v = Vector256.Load(line + i) + Vector256.Load(bias + i);
                var positive = Vector256.GreaterThan(v, Vector256<float>.Zero);
                if (signs != null) signs[((row * wide) + i) / Lanes] = (byte)positive.ExtractMostSignificantBits();
                // NaN stays, as in ReLU.
                Vector256.Max(v, Vector256<float>.Zero).Store(line + i);
            }
        }
    });

    // Zeroes the gradient of what was not positive.
    static void Mask(float* values, byte* signs, long count) => ParallelRange.Run(count / Lanes, 2048, (from, to) =>
    {
        var bits = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        for (var i = from; i < to; i++)
        {
            var positive = Vector256.Equals(Vector256.Create((int)signs[i]) & bits, bits).AsSingle();
            (Vector256.Load(values + (i * Lanes)) & positive).Store(values + (i * Lanes));
        }
    });

    sealed record Call(Tensor W1, Tensor B1, Tensor W2, Tensor B2)
    {
        public AutogradContext? Context { get; set; }
    }
}
