using Cones.Models.StableDiffusion.Schedulers;

namespace Cones.Models.Tests.Schedulers;

public sealed class NumpyMathTests
{
    [Fact]
    public void The_logarithm_has_numpy_s_largest_error_where_numpy_has_it()
    {
        // numpy's source: 3.83 units in the last place, at 0x3f486945.
        var x = BitConverter.Int32BitsToSingle(0x3f486945);
        var exact = Math.Log(x);
        var unit = MathF.BitIncrement(MathF.Abs((float)exact)) - MathF.Abs((float)exact);
        Assert.Equal(3.83, Math.Abs(NumpyMath.Log(x) - exact) / unit, 0.01);
    }

    [Fact]
    public void The_logarithm_is_right_everywhere()
    {
        for (var x = 1e-6f; x < 1e6f; x *= 1.37f) Assert.Equal(Math.Log(x), NumpyMath.Log(x), 1e-6 * Math.Max(1, Math.Abs(Math.Log(x))));
        Assert.Equal(0, NumpyMath.Log(1));
    }
}
