using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Segmentation;

/// <summary>A class's words as a text encoder gives them, without padding.</summary>
public sealed class PhraseEncoding : IDisposable
{
    /// <summary>Keeps the tensors without their graph.</summary>
    /// <param name="rows">The encodings from the start token to the end, [L, C].</param>
    /// <param name="words">The embeddings at the text encoder's input, [L, D]; null where nothing is learned there.</param>
    /// <exception cref="ArgumentException">There are fewer than 2 rows, or the shapes do not fit together.</exception>
    public PhraseEncoding(Tensor rows, Tensor? words = null)
    {
        if (rows.dim() != 2 || rows.shape[0] < 2) throw new ArgumentException($"rows [{string.Join(",", rows.shape)}] given, [L,C] with L of at least 2 expected", nameof(rows));
        if (words is not null && (words.dim() != 2 || words.shape[0] != rows.shape[0]))
            throw new ArgumentException($"words [{string.Join(",", words.shape)}] given for {rows.shape[0]} rows", nameof(words));
        Rows = rows.detach().to(ScalarType.Float32).clone().DetachFromDisposeScope();
        Words = words?.detach().to(ScalarType.Float32).clone().DetachFromDisposeScope();
    }

    /// <summary>The encodings, [L, C] float32.</summary>
    public Tensor Rows { get; }

    /// <summary>The embeddings at the text encoder's input, [L, D] float32, or null.</summary>
    public Tensor? Words { get; }

    /// <summary>L.</summary>
    public int Length => (int)Rows.shape[0];

    /// <inheritdoc/>
    public void Dispose()
    {
        Rows.Dispose();
        Words?.Dispose();
    }
}
