using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Bert;

/// <summary>Word, position and token type tables, summed and normed (<c>BertEmbeddings</c>).</summary>
sealed class BertEmbeddings : Module
{
    readonly Embedding _positions;
    readonly Embedding _tokenTypes;
    readonly LayerNorm _norm;

    public BertEmbeddings(BertConfig c)
    {
        Words = Add("word_embeddings", new Embedding(c.VocabSize, c.HiddenSize, c.PadTokenId));
        _positions = Add("position_embeddings", new Embedding(c.MaxPositionEmbeddings, c.HiddenSize));
        _tokenTypes = Add("token_type_embeddings", new Embedding(c.TypeVocabSize, c.HiddenSize));
        _norm = Add("LayerNorm", new LayerNorm(c.HiddenSize, c.LayerNormEps));
    }

    public Embedding Words { get; }

    /// <summary>Maps word embeddings [B, T, D], position ids and token types [B, T] (null: counted from 0, all 0) to [B, T, D].</summary>
    public Tensor Forward(Tensor words, Tensor? positionIds, Tensor? tokenTypeIds)
    {
        using var scope = NewDisposeScope();
        var positions = positionIds is null ? _positions.Table.slice(0, 0, words.shape[1], 1) : _positions.Forward(positionIds); // [T, D] or [B, T, D]
        var types = tokenTypeIds is null ? _tokenTypes.Table[0] : _tokenTypes.Forward(tokenTypeIds); // [D] or [B, T, D]

        // Learned embeddings stay float32 whatever the frozen weights are: the cast comes here, and gradients pass it.
        return _norm.Forward(words.to(positions.dtype) + types + positions).MoveToOuterDisposeScope();
    }
}
