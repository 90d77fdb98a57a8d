using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>What the denoiser sees of a text: the output of the text encoder, or anything that takes its place.</summary>
/// <param name="Embeds">[B, T, D], B prompts.</param>
/// <param name="Pooled">The pooled embedding, [B, P], of models that need one (SDXL).</param>
/// <param name="PerLayer">
/// Embeddings of their own for each cross-attention layer, [B, T, D] each, in the order of
/// <see cref="UNet.UNet2DConditionModel.CrossAttentionLayers"/>; null where all layers see <paramref name="Embeds"/>.
/// </param>
public sealed record TextConditioning(Tensor Embeds, Tensor? Pooled = null, IReadOnlyList<Tensor>? PerLayer = null) : IDisposable
{
    /// <summary>B, the number of prompts.</summary>
    public long Count => Embeds.shape[0];

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Embeds.Dispose();
        Pooled?.Dispose();
        foreach (var layer in PerLayer ?? []) layer.Dispose();
    }

    /// <summary>The same for a batch: every prompt <paramref name="times"/> times in a row, in a type, on a device.</summary>
    internal TextConditioning Repeat(long times, ScalarType type, Device device) => Map(t => t.to(type, device).repeat_interleave(times, dim: 0));

    /// <summary>All rows of <paramref name="first"/>, then all of this.</summary>
    internal TextConditioning After(TextConditioning first)
    {
        var layers = PerLayer?.Count ?? first.PerLayer?.Count;
        return new(
            cat([first.Embeds, Embeds], 0), // [2B, T, D]
            Pooled is null ? null : cat([first.Pooled!, Pooled], 0),
            layers is { } count ? [.. Enumerable.Range(0, count).Select(i => cat([first.Layer(i), Layer(i)], 0))] : null);
    }

    internal TextConditioning Map(Func<Tensor, Tensor> change) =>
        new(change(Embeds), Pooled is null ? null : change(Pooled), PerLayer is null ? null : [.. PerLayer.Select(change)]);

    internal UNet.CrossAttentionStates States() => PerLayer is null ? new(Embeds) : new(PerLayer);

    Tensor Layer(int index) => PerLayer?[index] ?? Embeds;
}

/// <summary>An encoded prompt and what there is to say about it.</summary>
/// <param name="Conditioning">The encoding.</param>
/// <param name="Warnings">A sentence for each text that was cut; for the user.</param>
public sealed record PromptEncoding(TextConditioning Conditioning, IReadOnlyList<string> Warnings) : IDisposable
{
    /// <summary>Frees the encoding.</summary>
    public void Dispose() => Conditioning.Dispose();
}
