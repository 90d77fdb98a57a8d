using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>
/// The encodings of many written prompts that hold one placeholder, made once by the text encoder: what a concept is put
/// into during the search, so that the encoder never runs in the loop.
/// </summary>
public sealed class TemplateEncodings : IDisposable
{
    /// <summary>Keeps the tensors without their graph; the caller still disposes of its own handles.</summary>
    /// <param name="templates">The M written prompts.</param>
    /// <param name="embeddings">[M, T, D].</param>
    /// <param name="slots">[M, n] int64: the slots of the words that stand in for the placeholder.</param>
    /// <param name="pooled">[M, P] where the model needs it.</param>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public TemplateEncodings(IReadOnlyList<string> templates, Tensor embeddings, Tensor slots, Tensor? pooled)
    {
        if (embeddings.dim() != 3 || embeddings.shape[0] != templates.Count)
            throw new ArgumentException($"embeddings have shape [{string.Join(",", embeddings.shape)}], [{templates.Count},T,D] expected", nameof(embeddings));
        if (slots.dim() != 2 || slots.shape[0] != templates.Count)
            throw new ArgumentException($"slots have shape [{string.Join(",", slots.shape)}], [{templates.Count},n] expected", nameof(slots));
        Templates = templates;
        Embeddings = embeddings.detach().DetachFromDisposeScope();
        Slots = slots.detach().DetachFromDisposeScope();
        Pooled = pooled?.detach().DetachFromDisposeScope();
    }

    /// <summary>The written prompts.</summary>
    public IReadOnlyList<string> Templates { get; }

    /// <summary>The encodings, [M, T, D].</summary>
    public Tensor Embeddings { get; }

    /// <summary>The placeholder's slots, [M, n] int64.</summary>
    public Tensor Slots { get; }

    /// <summary>The pooled embeddings, [M, P], or null.</summary>
    public Tensor? Pooled { get; }

    /// <summary>T, the length of the sequence.</summary>
    public int Length => (int)Embeddings.shape[1];

    /// <summary>D, the width of the text space.</summary>
    public int Dim => (int)Embeddings.shape[2];

    /// <summary>The mean norm of the slots that the placeholder's words occupy: the scale of a natural embedding.</summary>
    public double ReferenceNorm()
    {
        using var scope = NewDisposeScope();
        return SlotVectors().norm(-1).mean().item<float>();
    }

    /// <summary>The mean over templates of the encodings at the placeholder's slots, [n, D].</summary>
    public Tensor MeanSlotVectors()
    {
        using var scope = NewDisposeScope();
        return SlotVectors().mean([0]).MoveToOuterDisposeScope();
    }

    /// <summary>The mean over templates of all slots, [T, D].</summary>
    public Tensor MeanSequence()
    {
        using var scope = NewDisposeScope();
        return Embeddings.mean([0]).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Embeddings.Dispose();
        Slots.Dispose();
        Pooled?.Dispose();
    }

    // [M, n, D]
    Tensor SlotVectors()
    {
        var index = Slots.unsqueeze(-1).expand(Slots.shape[0], Slots.shape[1], Dim);
        return Embeddings.gather(1, index);
    }
}
