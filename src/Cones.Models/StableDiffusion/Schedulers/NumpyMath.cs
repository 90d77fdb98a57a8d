using static System.MathF;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// The logarithm of a float32 number as numpy rounds it on x86. Timesteps of spread noise levels are cut off to whole numbers: at
/// both ends of the table, which are hit exactly, the last bit of a logarithm decides between a timestep and the one before it.
/// </summary>
static class NumpyMath
{
    const float Ln2 = 0.693147180559945309417232f;
    const float HalfRootOfTwo = 0.707106781186547524400844f;

    /// <summary>The natural logarithm of a positive, normal number.</summary>
    /// <remarks>A quotient of two polynomials in the mantissa, the coefficients and the order of operations of <c>numpy.log</c>.</remarks>
    public static float Log(float x)
    {
        var exponent = ILogB(x) + 1;
        var mantissa = ScaleB(x, -exponent); // in [½, 1)
        if (mantissa <= HalfRootOfTwo)
        {
            mantissa += mantissa;
            exponent--;
        }

        var y = mantissa - 1f;
        var above = Polynomial(y, [2.589979117907922693523e-02f, 3.808837741388407920751e-01f, 1.480000633576506585156f, 2.112677543073053063722f, 1f, 0f]);
        var below = Polynomial(y, [5.875095403124574342950e-03f, 1.546476374983906719538e-01f, 9.864942958519418960339e-01f, 2.453006071784736363091f, 2.612677543073109236779f, 1f]);
        return FusedMultiplyAdd(exponent, Ln2, above / below);
    }

    // Horner's scheme, from the highest power.
    static float Polynomial(float x, ReadOnlySpan<float> coefficients)
    {
        var sum = coefficients[0];
        foreach (var coefficient in coefficients[1..]) sum = FusedMultiplyAdd(sum, x, coefficient);
        return sum;
    }
}
