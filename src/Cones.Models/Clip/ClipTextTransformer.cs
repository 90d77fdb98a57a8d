using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>What a text tower returns.</summary>
/// <param name="LastHiddenState">The normalised output of the last layer, [B, T, D]: what SD 1.x and 2.x feed to the UNet.</param>
/// <param name="PooledOutput">Its slot at the end of the text, [B, D].</param>
/// <param name="HiddenStates">The input of every layer and, last, the output of the last layer before normalisation, each [B, T, D].</param>
/// <param name="TextEmbeds">The projected pooled output, [B, P], where the model has a projection; not normalised.</param>
public sealed record ClipTextOutput(Tensor LastHiddenState, Tensor PooledOutput, IReadOnlyList<Tensor> HiddenStates, Tensor? TextEmbeds);

/// <summary>CLIP's text tower without projection, as transformers' <c>CLIPTextTransformer</c>.</summary>
public sealed class ClipTextTransformer : Module
{
    readonly Embedding _tokens;
    readonly Embedding _positions;
    readonly ClipEncoder _encoder;
    readonly LayerNorm _finalNorm;
    readonly ClipTextConfig _config;

    /// <summary>A tower without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public ClipTextTransformer(ClipTextConfig config)
    {
        config.Validate();
        _config = config;
        _tokens = Add("embeddings.token_embedding", new Embedding(config.VocabSize, config.HiddenSize));
        _positions = Add("embeddings.position_embedding", new Embedding(config.MaxPositionEmbeddings, config.HiddenSize));
        _encoder = Add("encoder", new ClipEncoder(config.NumHiddenLayers, config.HiddenSize, config.IntermediateSize, config.NumAttentionHeads, config.HiddenAct, config.LayerNormEps));
        _finalNorm = Add("final_layer_norm", new LayerNorm(config.HiddenSize, config.LayerNormEps));
    }

    /// <summary>The token embeddings, [vocabulary, D].</summary>
    public Tensor TokenTable => _tokens.Table;

    /// <summary>Looks ids [B, T] up: [B, T, D], before positions are added.</summary>
    /// <exception cref="ArgumentException">The shape does not fit or an id is outside the vocabulary.</exception>
    public Tensor Embed(Tensor ids)
    {
        if (ids.dim() != 2 || ids.shape[1] > _config.MaxPositionEmbeddings)
            throw new ArgumentException($"ids have shape [{string.Join(",", ids.shape)}], [B, up to {_config.MaxPositionEmbeddings}] expected", nameof(ids));
        using (NewDisposeScope())
        {
            var (low, high) = (ids.min().item<long>(), ids.max().item<long>());
            if (low < 0 || high >= _config.VocabSize)
                throw new ArgumentException($"ids run from {low} to {high}, the vocabulary has {_config.VocabSize}", nameof(ids));
        }

        return _tokens.Forward(ids);
    }

    /// <summary>The normalisation that follows the last layer, on any hidden state [B, T, D]: clip skip applies it earlier.</summary>
    public Tensor FinalLayerNorm(Tensor hidden) => _finalNorm.Forward(hidden);

    /// <summary>Runs the tower on token embeddings, so that a gradient can flow into them.</summary>
    /// <param name="embeddings">[B, T, D], before positions are added.</param>
    /// <param name="ids">[B, T] int64: says which slot is pooled.</param>
    /// <param name="attentionMask">[B, T], 1 for real tokens; null lets every slot see the padding before it.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public ClipTextOutput ForwardFromEmbeddings(Tensor embeddings, Tensor ids, Tensor? attentionMask = null)
    {
        if (embeddings.dim() != 3 || embeddings.shape[2] != _config.HiddenSize || embeddings.shape[1] > _config.MaxPositionEmbeddings)
            throw new ArgumentException($"embeddings have shape [{string.Join(",", embeddings.shape)}], [B, up to {_config.MaxPositionEmbeddings}, {_config.HiddenSize}] expected", nameof(embeddings));
        if (!ids.shape.AsSpan().SequenceEqual(embeddings.shape.AsSpan(0, 2)))
            throw new ArgumentException($"ids have shape [{string.Join(",", ids.shape)}], embeddings [{string.Join(",", embeddings.shape)}]", nameof(ids));
        if (attentionMask is not null && !attentionMask.shape.AsSpan().SequenceEqual(ids.shape))
            throw new ArgumentException($"the mask has shape [{string.Join(",", attentionMask.shape)}], ids [{string.Join(",", ids.shape)}]", nameof(attentionMask));

        using var scope = NewDisposeScope();
        var length = embeddings.shape[1];
        var x = embeddings + _positions.Table.narrow(0, 0, length);
        var states = _encoder.Forward(x, causal: true, attentionMask is null ? null : CausalMask(attentionMask));
        var last = _finalNorm.Forward(states[^1]);
        var rows = arange(ids.shape[0], dtype: ScalarType.Int64, device: ids.device);
        var pooled = last[TensorIndex.Tensor(rows), TensorIndex.Tensor(PooledSlots(ids))]; // [B, T, D] -> [B, D]
        return new ClipTextOutput(
            last.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope(), [.. states.Select(s => s.MoveToOuterDisposeScope())], null);
    }

    // The first highest id, or the first end token (slot 0 where there is none): [B].
    Tensor PooledSlots(Tensor ids) => _config.PoolsHighestId ? FirstMaximum(ids) : FirstMaximum(ids.eq(_config.EosTokenId).to(ScalarType.Int64));

    // argmax does not promise the first of equal values.
    static Tensor FirstMaximum(Tensor values)
    {
        var length = values.shape[1];
        var isMaximum = values.eq(values.amax([1], keepdim: true)).to(ScalarType.Int64);
        return (isMaximum * arange(length, 0, -1, dtype: ScalarType.Int64, device: values.device)).argmax(1);
    }

    // [B, T] -> [B, 1, T, T], 0 where a slot may look and minus infinity elsewhere. A row that may look nowhere (leading
    // padding) would become NaN: it keeps its own slot.
    static Tensor CausalMask(Tensor attentionMask)
    {
        var length = attentionMask.shape[1];
        var causal = ones(length, length, dtype: ScalarType.Bool, device: attentionMask.device).tril();
        var own = eye(length, dtype: ScalarType.Bool, device: attentionMask.device);
        var allowed = causal.logical_and(attentionMask.to(ScalarType.Bool).unsqueeze(1).unsqueeze(1)); // [B, 1, T, T]
        allowed = allowed.logical_or(own.logical_and(allowed.any(-1, keepdim: true).logical_not()));
        return zeros_like(allowed, dtype: ScalarType.Float32).masked_fill(allowed.logical_not(), float.NegativeInfinity);
    }
}
