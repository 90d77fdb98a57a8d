using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Evaluation;

/// <summary>The same pairs of feature sets on every run: few and many rows, narrow and wide, of small and large scale.</summary>
static class FeatureGenerator
{
    public static IEnumerable<(Tensor A, Tensor B)> Pairs(int count = 40)
    {
        var shapes = Gen.Select(Gen.Int[2, 12], Gen.Int[2, 12], Gen.Int[1, 9], Gen.Double[-2, 2]);
        var random = new PCG(stream: 1, seed: 42);
        for (var i = 0; i < count; i++)
        {
            var (n, m, d, scale) = shapes.Generate(random, null, out _);
            yield return (Rows(random, n, d, scale), Rows(random, m, d, scale));
        }
    }

    static Tensor Rows(PCG random, int rows, int width, double scale) =>
        tensor(Gen.Double[-1, 1].Array[rows * width].Generate(random, null, out _), [rows, width]) * Math.Pow(10, scale);
}
