using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>A caption of class names as the text encoder gives it, and where each class stands.</summary>
public sealed class CaptionEncoding : IDisposable
{
    /// <summary>Keeps the tensors without their graph.</summary>
    /// <param name="hidden">[1, T, L].</param>
    /// <param name="mask">[1, T], 0 for slots that nothing attends to.</param>
    /// <param name="classes">The slots of each class: neighbours, ascending, at least one.</param>
    /// <param name="words">[1, T, D], the embeddings at the text encoder's input; null where nothing is learned there.</param>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public CaptionEncoding(Tensor hidden, Tensor mask, IReadOnlyList<IReadOnlyList<int>> classes, Tensor? words = null)
    {
        if (hidden.dim() != 3 || hidden.shape[0] != 1 || mask.dim() != 2 || mask.shape[0] != 1 || mask.shape[1] != hidden.shape[1])
            throw new ArgumentException($"hidden [{string.Join(",", hidden.shape)}] and mask [{string.Join(",", mask.shape)}] given, [1,T,L] and [1,T] expected", nameof(hidden));
        if (classes.FirstOrDefault(c => c.Count == 0 || c[0] < 0 || c[^1] >= hidden.shape[1] || c[^1] - c[0] != c.Count - 1) is { } wrong)
            throw new ArgumentException($"a class has the slots [{string.Join(",", wrong)}] of {hidden.shape[1]}: neighbours are needed", nameof(classes));
        Hidden = hidden.detach().to(ScalarType.Float32).DetachFromDisposeScope();
        Mask = mask.detach().to(ScalarType.Int64).DetachFromDisposeScope();
        Words = words?.detach().to(ScalarType.Float32).DetachFromDisposeScope();
        Classes = classes;
    }

    /// <summary>The encodings, [1, T, L] float32.</summary>
    public Tensor Hidden { get; }

    /// <summary>Which slots are attended to, [1, T] int64.</summary>
    public Tensor Mask { get; }

    /// <summary>The embeddings at the text encoder's input, [1, T, D] float32, or null.</summary>
    public Tensor? Words { get; }

    /// <summary>The slots of each class.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Classes { get; }

    /// <summary>The slots of no class, ascending: the start, the end and all between classes.</summary>
    public IReadOnlyList<int> Others => [.. Enumerable.Range(0, Length).Except(Classes.SelectMany(c => c))];

    /// <summary>T.</summary>
    public int Length => (int)Hidden.shape[1];

    /// <summary>L, the width of the text space.</summary>
    public int Dim => (int)Hidden.shape[2];

    /// <summary>The encodings of a class's slots, [n, L]: a view.</summary>
    public Tensor VectorsOf(int index) => Hidden[0].narrow(0, Classes[index][0], Classes[index].Count);

    /// <summary>A copy, without the words.</summary>
    internal CaptionEncoding Copy()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return new CaptionEncoding(Hidden.clone(), Mask.clone(), Classes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Hidden.Dispose();
        Mask.Dispose();
        Words?.Dispose();
    }
}
