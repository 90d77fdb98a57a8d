using Cones.Models.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>
/// Textual inversion (arXiv 2208.01618): vectors at the text encoder's input, in the placeholder's slots. The encoder runs
/// every step; only the placeholder's rows are optimised, which equals optimising the whole table and restoring the others.
/// </summary>
public sealed class PseudoWordPrompt : IPrompt, IDisposable
{
    readonly ClipTextModel _encoder;
    readonly Tensor _ids;
    readonly Tensor _slots;

    /// <summary>A prompt that starts from <paramref name="initial"/>.</summary>
    /// <param name="encoder">The text encoder; not owned, frozen.</param>
    /// <param name="ids">The token ids of the M templates, [M, T] int64.</param>
    /// <param name="slots">The placeholder's slots, [M, n] int64.</param>
    /// <param name="initial">[n, D of the token table].</param>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public PseudoWordPrompt(ClipTextModel encoder, Tensor ids, Tensor slots, Tensor initial)
    {
        if (slots.dim() != 2 || slots.shape[0] != ids.shape[0] || initial.dim() != 2 || initial.shape[0] != slots.shape[1] || initial.shape[1] != encoder.Config.HiddenSize)
            throw new ArgumentException($"ids [{string.Join(",", ids.shape)}], slots [{string.Join(",", slots.shape)}] and initial vectors [{string.Join(",", initial.shape)}] do not fit together");
        _encoder = encoder;
        _ids = ids.detach().clone().DetachFromDisposeScope();
        _slots = slots.detach().clone().DetachFromDisposeScope();
        Vectors = initial.detach().to(ScalarType.Float32).clone().requires_grad_().DetachFromDisposeScope();
        Parameters = [new("pseudo_word", Vectors)];
    }

    /// <inheritdoc/>
    public string Method => "pseudo-word";

    /// <summary>The searched token embeddings, [n, D].</summary>
    public Tensor Vectors { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => (int)_ids.shape[0];

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        var rows = tensor(Array.ConvertAll(templates.ToArray(), t => (long)t), device: _ids.device);
        var ids = _ids.index_select(0, rows); // [B, T]
        var embeddings = SlotAssembly.Apply(SlotRule.Overwrite, _encoder.Embed(ids), _slots.index_select(0, rows), Vectors);
        return new Conditioning { Embeddings = _encoder.ForwardFromEmbeddings(embeddings, ids).LastHiddenState.MoveToOuterDisposeScope() };
    }

    /// <inheritdoc/>
    public void Project()
    {
        // Textual inversion has no bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ids.Dispose();
        _slots.Dispose();
        Vectors.Dispose();
    }
}
