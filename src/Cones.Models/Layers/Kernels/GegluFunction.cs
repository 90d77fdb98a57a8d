using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;
using TorchSharp;
using static Cones.Models.Layers.Kernels.VectorFunctions;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>The gate of diffusers' <c>GEGLU</c>: the first half of the channels times the GELU of the second half.</summary>
/// <remarks>Only the input is kept for the backward pass, in one pass over the memory each way.</remarks>
sealed unsafe class GegluFunction : KernelFunction<GegluFunction>
{
    const int Lanes = 8;

    /// <summary>Whether <see cref="Apply"/> can take this.</summary>
    public static bool Accepts(Tensor x) => TensorMemory.IsPlain(x) && x.is_contiguous() && x.shape[^1] % (2 * Lanes) == 0;

    /// <summary>Maps [..., 2 F] to [..., F].</summary>
    public static Tensor Apply(Tensor x)
    {
        if (!NeedsGradient(x)) return Compute(x);
        var call = new Call();
        var y = apply(x, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        ((Call)vars[1]).Context = ctx;
        ctx.save_for_backward([(Tensor)vars[0]]);
        return Compute((Tensor)vars[0]);
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var x = context.get_saved_variables()[0];
        var gradX = empty(x.shape, dtype: ScalarType.Float32);
        var gradY = gradOutput.contiguous();
        float* input = TensorMemory.Pointer(x), into = TensorMemory.Pointer(gradX), from = TensorMemory.Pointer(gradY);
        var half = x.shape[^1] / 2;
        ParallelRange.Run(x.numel() / (2 * half), Math.Max(1, 8192 / half), (first, last) => Backward(input, from, into, half, first, last));
        return [gradX, null!];
    }

    static Tensor Compute(Tensor x)
    {
        var half = x.shape[^1] / 2;
        var y = empty([.. x.shape[..^1], half], dtype: ScalarType.Float32);
        float* input = TensorMemory.Pointer(x), output = TensorMemory.Pointer(y);
        ParallelRange.Run(x.numel() / (2 * half), Math.Max(1, 8192 / half), (first, last) => Forward(input, output, half, first, last));
        return y;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Forward(float* x, float* y, long half, long first, long last)
    {
        for (var row = first; row < last; row++)
        {
            float* value = x + (row * 2 * half), gate = value + half, result = y + (row * half);
            for (var c = 0L; c < half; c += Lanes)
            {
                var g = Vector256.Load(gate + c);
                (Vector256.Load(value + c) * g * NormalBelow(g)).Store(result + c);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Backward(float* x, float* gradY, float* gradX, long half, long first, long last)
    {
        for (var row = first; row < last; row++)
        {
            float* value = x + (row * 2 * half), gate = value + half, from = gradY + (row * half), into = gradX + (row * 2 * half);
            for (var c = 0L; c < half; c += Lanes)
            {
                var (g, gradient) = (Vector256.Load(gate + c), Vector256.Load(from + c));
                var below = NormalBelow(g);
                // d/dg g P(g) = P(g) + g p(g), p the density of the normal distribution.
                var density = Exp(g * g * -0.5f) * 0.3989422804f;
                (gradient * g * below).Store(into + c);
                (gradient * Vector256.Load(value + c) * Vector256.FusedMultiplyAdd(g, density, below)).Store(into + half + c);
            }
        }
    }

    // The probability that a standard normal number is below x.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> NormalBelow(Vector256<float> x) =>
        Vector256.FusedMultiplyAdd(Erf(x * 0.7071067812f), Vector256.Create(0.5f), Vector256.Create(0.5f));

    sealed class Call
    {
        public AutogradContext? Context { get; set; }
    }
}
