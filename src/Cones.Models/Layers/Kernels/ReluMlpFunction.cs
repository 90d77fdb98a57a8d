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
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var call = (Call)context.get_data("call");
        var signs = (byte*)TensorMemory.Pointer(context.get_saved_variables()[0]);
        var wide = call.W1.shape[0];
        return
        [
            InChunks(gradOutput, call.W1.shape[1], wide, (rows, activations, first, result) =>
            {
                Multiply(rows, call.W2, transposed: false, activations); // [n, out] -> [n, wide]
                Mask(TensorMemory.Pointer(activations), signs + (first * wide / Lanes), activations.numel());
                Multiply(activations, call.W1, transposed: false, result); // [n, wide] -> [n, in]
            }),
            null!,
        ];
    }

    static Tensor Compute(Tensor x, Call call, byte* signs)
    {
        var (wide, outFeatures) = (call.W1.shape[0], call.W2.shape[0]);
        return InChunks(x, outFeatures, wide, (rows, activations, first, result) =>
        {
            Multiply(rows, call.W1, transposed: true, activations, call.B1); // [n, in] -> [n, wide]
            Activate(TensorMemory.Pointer(activations), signs == null ? null : signs + (first * wide / Lanes), activations.numel());
            Multiply(activations, call.W2, transposed: true, result, call.B2); // [n, wide] -> [n, out]
        });
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

    // C = A W, or A Wᵀ + bias.
    static void Multiply(Tensor a, Tensor weight, bool transposed, Tensor c, Tensor? bias = null)
    {
        if (!MatrixProduct.IsSupported)
        {
            c.addmm_(a, transposed ? weight.t() : weight, 0, 1);
            if (bias is not null) c.add_(bias);
            return;
        }

        MatrixProduct.Multiply(
            TensorMemory.Pointer(a), a.shape[1], TensorMemory.Pointer(weight), weight.shape[1], transposed,
            TensorMemory.Pointer(c), c.shape[1], (a.shape[0], c.shape[1], a.shape[1]), bias is null ? null : TensorMemory.Pointer(bias));
    }

    // Notes what is positive and zeroes the rest; NaN stays, as in ReLU.
    static void Activate(float* values, byte* signs, long count) => ParallelRange.Run(count / Lanes, 2048, (from, to) =>
    {
        for (var i = from; i < to; i++)
        {
            var v = Vector256.Load(values + (i * Lanes));
            if (signs != null) signs[i] = (byte)Vector256.GreaterThan(v, Vector256<float>.Zero).ExtractMostSignificantBits();
            Vector256.Max(v, Vector256<float>.Zero).Store(values + (i * Lanes));
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
