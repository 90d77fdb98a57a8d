using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Weights;

/// <summary>Compares tensors bit for bit; NaN equals NaN.</summary>
static class ExactComparison
{
    /// <summary>Floats as Float64, integers and bool as Int64, complex numbers as Float64 with a last axis of 2.</summary>
    public static Tensor Widen(Tensor x) => x.dtype switch
    {
        ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64 => x.view_as_real().to(ScalarType.Float64),
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64 => x.to(ScalarType.Float64),
        _ => x.to(ScalarType.Int64),
    };

    public static void Check(GoldenResult result, string name, Tensor actual, Tensor expected)
    {
        using var scope = NewDisposeScope();
        if (actual.dtype != expected.dtype || !actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            result.Fail($"{name}: {actual.dtype} [{string.Join(",", actual.shape)}], expected {expected.dtype} [{string.Join(",", expected.shape)}]");
            return;
        }

        var (a, e) = (Widen(actual), Widen(expected));
        var difference = a.dtype == ScalarType.Int64 ? FirstDifference(a.data<long>(), e.data<long>()) : FirstDifference(Bits(a), Bits(e));
        result.Expect(difference < 0, $"{name}: element {difference} differs");
    }

    static IEnumerable<long> Bits(Tensor x) => x.data<double>().Select(v => double.IsNaN(v) ? long.MinValue : BitConverter.DoubleToInt64Bits(v));

    static long FirstDifference(IEnumerable<long> a, IEnumerable<long> b)
    {
        var index = 0L;
        foreach (var (x, y) in a.Zip(b))
        {
            if (x != y) return index;
            index++;
        }

        return -1;
    }
}
