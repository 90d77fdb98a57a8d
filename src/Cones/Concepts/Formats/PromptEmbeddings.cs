using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Concepts.Formats;

/// <summary>A whole encoded prompt as diffusers pipelines take it.</summary>
/// <param name="Embeddings">[1, T, D].</param>
/// <param name="Pooled">[1, P] for models that need it (SDXL), or null.</param>
/// <param name="Negative">[1, T, D] of the negative prompt, or null.</param>
/// <param name="NegativePooled">[1, P] of the negative prompt, or null.</param>
public sealed record PromptEmbeddings(Tensor Embeddings, Tensor? Pooled = null, Tensor? Negative = null, Tensor? NegativePooled = null)
{
    internal const string EmbeddingsKey = "prompt_embeds";
    internal const string PooledKey = "pooled_prompt_embeds";
    internal const string NegativeKey = "negative_prompt_embeds";
    internal const string NegativePooledKey = "negative_pooled_prompt_embeds";

    /// <summary>The tensors by the names of the pipeline's arguments.</summary>
    public IReadOnlyDictionary<string, Tensor> ToDictionary()
    {
        (string Key, Tensor? Value)[] all = [(EmbeddingsKey, Embeddings), (PooledKey, Pooled), (NegativeKey, Negative), (NegativePooledKey, NegativePooled)];
        return all.Where(t => t.Value is not null).ToDictionary(t => t.Key, t => t.Value!, StringComparer.Ordinal);
    }

    /// <summary>Why the shapes do not fit together, or null if they do.</summary>
    internal string? Problem()
    {
        foreach (var (key, value) in ToDictionary())
        {
            var expected = key is EmbeddingsKey or NegativeKey ? 3 : 2;
            if (value.dim() != expected || value.shape[0] != 1)
                return $"{key} has shape [{string.Join(",", value.shape)}], {(expected == 3 ? "[1,T,D]" : "[1,P]")} expected";
        }

        return Differs(Negative, Embeddings) ? $"{NegativeKey} and {EmbeddingsKey} have different shapes"
            : NegativePooled is not null && (Pooled is null || Differs(NegativePooled, Pooled)) ? $"{NegativePooledKey} and {PooledKey} have different shapes"
            : null;
    }

    static bool Differs(Tensor? a, Tensor b) => a is not null && !a.shape.AsSpan().SequenceEqual(b.shape);
}
