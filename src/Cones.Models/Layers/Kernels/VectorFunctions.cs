using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cones.Models.Layers.Kernels;

/// <summary>Functions of eight floats at once, exact to about one unit in the last place.</summary>
static class VectorFunctions
{
    /// <summary>Whether the processor has what the kernels are written for.</summary>
    public static bool IsSupported => Vector256.IsHardwareAccelerated && Fma.IsSupported;

    /// <summary>e^x; 0 below -87.3, the largest power below infinity above 88.</summary>
    /// <remarks>Range reduction by ln 2 in two parts, then the polynomial of Cephes' <c>expf</c>.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        x = Vector256.Min(Vector256.Max(x, Vector256.Create(-87.33654f)), Vector256.Create(88.02969f));
        var n = Vector256.Floor(Vector256.FusedMultiplyAdd(x, Vector256.Create(1.44269504f), Vector256.Create(0.5f)));
        var r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-0.693359375f), x);
        r = Vector256.FusedMultiplyAdd(n, Vector256.Create(2.12194440e-4f), r);
        var p = Vector256.Create(1.9875691500e-4f);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        p = Vector256.FusedMultiplyAdd(p, r * r, r) + Vector256<float>.One;
        var power = Vector256.ShiftLeft(Vector256.ConvertToInt32(n) + Vector256.Create(127), 23).AsSingle();
        return p * power;
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sigmoid(Vector256<float> x) => Vector256<float>.One / (Vector256<float>.One + Exp(-x));

    /// <summary>The error function.</summary>
    /// <remarks>
    /// Minimax polynomials by N. Juffa: of odd powers up to 0.92773; beyond, 1 - e^q(|x|) with a polynomial q.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Erf(Vector256<float> x)
    {
        var t = Vector256.Abs(x);
        var s = x * x;

        var far = Vector256.FusedMultiplyAdd(Vector256.Create(-1.72853470e-5f), t, Vector256.Create(3.83197126e-4f));
        var low = Vector256.FusedMultiplyAdd(Vector256.Create(-3.88396438e-3f), t, Vector256.Create(2.42546219e-2f));
        far = Vector256.FusedMultiplyAdd(far, s, low);
        far = Vector256.FusedMultiplyAdd(far, t, Vector256.Create(-1.06777877e-1f));
        far = Vector256.FusedMultiplyAdd(far, t, Vector256.Create(-6.34846687e-1f));
        far = Vector256.FusedMultiplyAdd(far, t, Vector256.Create(-1.28717512e-1f));
        far = Vector256.FusedMultiplyAdd(far, t, -t);
        far = Vector256<float>.One - Exp(far);
        far = Vector256.ConditionalSelect(Vector256.Create(-0f), x, far); // the sign of x

        var near = Vector256.Create(-5.96761703e-4f);
        near = Vector256.FusedMultiplyAdd(near, s, Vector256.Create(4.99119423e-3f));
        near = Vector256.FusedMultiplyAdd(near, s, Vector256.Create(-2.67681349e-2f));
        near = Vector256.FusedMultiplyAdd(near, s, Vector256.Create(1.12819925e-1f));
        near = Vector256.FusedMultiplyAdd(near, s, Vector256.Create(-3.76125336e-1f));
        near = Vector256.FusedMultiplyAdd(near, s, Vector256.Create(1.28379166e-1f));
        near = Vector256.FusedMultiplyAdd(near, x, x);

        return Vector256.ConditionalSelect(Vector256.GreaterThan(t, Vector256.Create(0.927734375f)), far, near);
    }
}
