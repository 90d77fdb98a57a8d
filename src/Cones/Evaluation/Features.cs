using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Evaluation;

/// <summary>Checks and conversions that the metrics share. A shape error inside LibTorch would end the process.</summary>
static class Features
{
    /// <summary>Feature rows <c>[N, D]</c> in float64 on the CPU, for the scope that is open.</summary>
    /// <exception cref="ArgumentException">Not a matrix, fewer than <paramref name="atLeast"/> rows, or a value is no finite number.</exception>
    public static Tensor Rows(Tensor features, string name, int atLeast = 1)
    {
        ArgumentNullException.ThrowIfNull(features, name);
        if (features.dim() != 2 || features.shape[0] < atLeast || features.shape[1] < 1)
            throw new ArgumentException($"Features are [N, D] with N >= {atLeast}; these are {Shape(features)}.", name);
        var rows = features.detach().to(ScalarType.Float64).cpu();
        if (!rows.isfinite().all().item<bool>()) throw new ArgumentException("A feature is no finite number.", name);
        return rows;
    }

    /// <summary>Checks that two sets of rows have the same width.</summary>
    public static void RequireSameWidth(Tensor a, Tensor b, string name)
    {
        if (a.shape[1] != b.shape[1])
            throw new ArgumentException($"Both sets must come from one encoder: the features are {Shape(a)} and {Shape(b)}.", name);
    }

    /// <summary>Checks that two sets pair row by row.</summary>
    public static void RequirePairs(Tensor a, Tensor b, string name)
    {
        RequireSameWidth(a, b, name);
        if (a.shape[0] != b.shape[0]) throw new ArgumentException($"Row i of one belongs to row i of the other: the features are {Shape(a)} and {Shape(b)}.", name);
    }

    /// <summary>A shape for a message.</summary>
    public static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
