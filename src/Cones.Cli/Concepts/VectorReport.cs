using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Cli.Concepts;

/// <summary>Vectors of a file.</summary>
/// <param name="Name">The concept's name, or the place that the file gives the vectors.</param>
/// <param name="Layers">The layers with vectors of their own, or null.</param>
/// <param name="Slots">The number of vectors (in each layer).</param>
/// <param name="Dim">Their dimension.</param>
/// <param name="PooledDim">The dimension of the pooled embedding, or null.</param>
/// <param name="Norms">Of all vectors.</param>
/// <param name="Finite">Whether no number is NaN or infinite.</param>
sealed record VectorReport(string Name, long? Layers, long Slots, long Dim, long? PooledDim, NormReport Norms, bool Finite)
{
    /// <summary>Looks at [slots, dim] or [layers, slots, dim].</summary>
    public static VectorReport Of(string name, Tensor vectors, Tensor? pooled = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var norms = vectors.to(ScalarType.Float64).norm(-1).reshape(-1); // [layers * slots]
        var values = norms.data<double>().ToArray();
        return new VectorReport(
            name,
            vectors.dim() == 3 ? vectors.shape[0] : null,
            vectors.shape[^2],
            vectors.shape[^1],
            pooled?.shape[^1],
            values.Length == 0 ? new NormReport(0, 0, 0) : new NormReport(values.Average(), values.Min(), values.Max()),
            values.All(double.IsFinite));
    }
}

/// <summary>Euclidean norms.</summary>
sealed record NormReport(double Mean, double Min, double Max);
