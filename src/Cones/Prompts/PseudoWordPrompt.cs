using Cones.Models.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>A pseudo-word at the input of one text encoder.</summary>
/// <param name="Encoder">The text encoder; not owned, frozen.</param>
/// <param name="Ids">The token ids of the M templates, [M, T] int64.</param>
/// <param name="Slots">The placeholder's slots, [M, n] int64.</param>
/// <param name="Initial">[n, D of the token table].</param>
public sealed record PseudoWordSide(ClipTextModel Encoder, Tensor Ids, Tensor Slots, Tensor Initial);

/// <summary>
/// Textual inversion (arXiv 2208.01618): vectors at the text encoder's input, in the placeholder's slots. The encoder runs
/// every step; only the placeholder's rows are optimised, which equals optimising the whole table and restoring the others.
/// </summary>
/// <remarks>
/// Of SDXL both encoders learn a row, as kohya's sd-scripts do it; the denoiser sees their last hidden states but one side by
/// side, not normalised, and the pooled embedding of the second (diffusers' <c>textual_inversion_sdxl</c>, which leaves the second
/// encoder's row out).
/// </remarks>
public sealed class PseudoWordPrompt : IPrompt, IDisposable
{
    readonly IReadOnlyList<PseudoWordSide> _sides;
    readonly Tensor[] _vectors;

    /// <summary>A prompt for one encoder.</summary>
    /// <inheritdoc cref="PseudoWordSide"/>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public PseudoWordPrompt(ClipTextModel encoder, Tensor ids, Tensor slots, Tensor initial)
        : this([new PseudoWordSide(encoder, ids, slots, initial)])
    {
    }

    /// <summary>A prompt for one encoder, or for the two of SDXL.</summary>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public PseudoWordPrompt(IReadOnlyList<PseudoWordSide> sides)
    {
        if (sides.Count is < 1 or > 2) throw new ArgumentException($"{sides.Count} text encoders given, 1 or 2 expected", nameof(sides));
        foreach (var (encoder, ids, slots, initial) in sides)
        {
            if (slots.dim() != 2 || slots.shape[0] != ids.shape[0] || initial.dim() != 2 || initial.shape[0] != slots.shape[1] || initial.shape[1] != encoder.Config.HiddenSize)
                throw new ArgumentException($"ids [{string.Join(",", ids.shape)}], slots [{string.Join(",", slots.shape)}] and initial vectors [{string.Join(",", initial.shape)}] do not fit together", nameof(sides));
        }

        if (sides.Count == 2 && !sides[1].Encoder.HasProjection) throw new ArgumentException("the second text encoder has no projection, which SDXL's pooled embedding needs", nameof(sides));
        _vectors = [.. sides.Select(s => s.Initial.detach().to(ScalarType.Float32).clone().requires_grad_().DetachFromDisposeScope())];
        _sides = [.. sides.Select((s, i) => s with
        {
            Ids = s.Ids.detach().clone().DetachFromDisposeScope(),
            Slots = s.Slots.detach().clone().DetachFromDisposeScope(),
            Initial = _vectors[i],
        })];
        Parameters = [.. _vectors.Select((v, i) => KeyValuePair.Create(i == 0 ? "pseudo_word" : "pseudo_word_2", v))];
    }

    /// <inheritdoc/>
    public string Method => "pseudo-word";

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <inheritdoc/>
    public int TemplateCount => (int)_sides[0].Ids.shape[0];

    /// <summary>The searched token embeddings, [n, D]; those of two encoders side by side. The caller disposes the tensor.</summary>
    public Tensor ToVectors()
    {
        using var noGrad = no_grad();
        return cat(_vectors, -1);
    }

    /// <inheritdoc/>
    public Conditioning Build(ReadOnlySpan<int> templates)
    {
        using var scope = NewDisposeScope();
        long[] numbers = Array.ConvertAll(templates.ToArray(), t => (long)t);
        ClipTextOutput[] outputs = [.. _sides.Select((side, i) => Encode(side, _vectors[i], numbers))];
        if (outputs.Length == 1) return new Conditioning { Embeddings = outputs[0].LastHiddenState.MoveToOuterDisposeScope() };
        return new Conditioning
        {
            Embeddings = cat([.. outputs.Select(o => o.HiddenStates[^2])], -1).MoveToOuterDisposeScope(), // [B, T, D1 + D2]
            Pooled = outputs[1].TextEmbeds!.MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public void Project()
    {
        // Textual inversion has no bounds.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, ids, slots, vectors) in _sides)
        {
            ids.Dispose();
            slots.Dispose();
            vectors.Dispose();
        }
    }

    static ClipTextOutput Encode(PseudoWordSide side, Tensor vectors, long[] templates)
    {
        var rows = tensor(templates, device: side.Ids.device);
        var ids = side.Ids.index_select(0, rows); // [B, T]
        var words = side.Encoder.Embed(ids).to(ScalarType.Float32);
        return side.Encoder.ForwardFromEmbeddings(SlotAssembly.Apply(SlotRule.Overwrite, words, side.Slots.index_select(0, rows), vectors), ids);
    }
}
