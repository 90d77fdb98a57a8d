using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>The part of the text tower under the keys <c>text_model.</c> (<c>CLIPTextTransformer</c>).</summary>
sealed class ClipTextTransformer : Module
{
    readonly ClipTextEmbeddings _embeddings;
    readonly ClipEncoder _encoder;
    readonly LayerNorm _finalNorm;

    public ClipTextTransformer(ClipTextConfig c)
    {
        _embeddings = Add("embeddings", new ClipTextEmbeddings(c));
        _encoder = Add("encoder", new ClipEncoder(
            c.NumHiddenLayers, c.HiddenSize, c.IntermediateSize, c.NumAttentionHeads, c.LayerNormEps, c.HiddenAct));
        _finalNorm = Add("final_layer_norm", new LayerNorm(c.HiddenSize, c.LayerNormEps));
    }

    public Embedding Tokens => _embeddings.Tokens;

    /// <summary>Maps token embeddings [B, T, D] to all hidden states and the normed last one, each [B, T, D].</summary>
    public (IReadOnlyList<Tensor> HiddenStates, Tensor Last) Forward(Tensor embeds, Tensor? attentionMask)
    {
        var mask = attentionMask is null ? null : CausalMask(attentionMask);
        var states = _encoder.Forward(_embeddings.AddPositions(embeds), mask, causal: mask is null);
        return (states, Normalize(states[^1]));
    }

    public Tensor Normalize(Tensor hiddenState) => _finalNorm.Forward(hiddenState);

    // [B, T], non-zero for tokens -> [B, 1, T, T], true where a query may look: at tokens, not ahead.
    static Tensor CausalMask(Tensor attentionMask)
    {
        var (b, t) = (attentionMask.shape[0], attentionMask.shape[1]);
        var notAhead = ones(t, t, ScalarType.Bool, attentionMask.device).tril();
        return attentionMask.ne(0).view(b, 1, 1, t).logical_and(notAhead);
    }
}

/// <summary>Token and position tables (<c>CLIPTextEmbeddings</c>).</summary>
sealed class ClipTextEmbeddings : Module
{
    readonly Embedding _positions;

    public ClipTextEmbeddings(ClipTextConfig c)
    {
        Tokens = Add("token_embedding", new Embedding(c.VocabSize, c.HiddenSize));
        _positions = Add("position_embedding", new Embedding(c.MaxPositionEmbeddings, c.HiddenSize));
    }

    public Embedding Tokens { get; }

    // Learned embeddings stay float32 whatever the frozen weights are: the cast comes here, and gradients pass it.
    public Tensor AddPositions(Tensor embeds) =>
        embeds.to(_positions.Table.dtype) + _positions.Table.slice(0, 0, embeds.shape[1], 1); // [B, T, D] + [T, D]
}
