using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Concepts;

/// <summary>One searched concept: the embeddings of one placeholder or class.</summary>
/// <param name="Name">The placeholder or class, e.g. <c>&lt;dog&gt;</c>.</param>
/// <param name="Embeddings">[slots, dim] float32; the mean over the layers where <paramref name="Layers"/> is set.</param>
/// <param name="Layers">[layers, slots, dim] float32: embeddings of their own for every cross-attention layer, or null.</param>
/// <param name="Pooled">[P] float32 for models that need a pooled embedding, or null.</param>
public sealed record Concept(string Name, Tensor Embeddings, Tensor? Layers = null, Tensor? Pooled = null) : IDisposable
{
    /// <summary>A concept from searched vectors: [slots, dim], or [layers, slots, dim].</summary>
    public static Concept FromVectors(string name, Tensor vectors, Tensor? pooled)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var copy = vectors.detach().cpu().to(ScalarType.Float32).clone();
        var pooledCopy = pooled?.detach().cpu().to(ScalarType.Float32).clone().DetachFromDisposeScope();
        return copy.dim() == 3
            ? new Concept(name, copy.mean([0]).DetachFromDisposeScope(), copy.DetachFromDisposeScope(), pooledCopy)
            : new Concept(name, copy.DetachFromDisposeScope(), null, pooledCopy);
    }

    /// <summary>The searched vectors: <see cref="Layers"/> where there are any, else <see cref="Embeddings"/>.</summary>
    public Tensor Vectors => Layers ?? Embeddings;

    /// <inheritdoc/>
    public void Dispose()
    {
        Embeddings.Dispose();
        Layers?.Dispose();
        Pooled?.Dispose();
    }
}
