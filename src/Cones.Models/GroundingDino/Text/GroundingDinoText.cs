using Cones.Models.Bert;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Text;

/// <summary>The text side before the fusion: BERT and the projection to the detector's width.</summary>
sealed class GroundingDinoText : Module
{
    readonly Linear _projection;

    public GroundingDinoText(GroundingDinoConfig c)
    {
        Encoder = Add("text_backbone", new BertModel(c.Text));
        _projection = Add("text_projection", new Linear(c.Text.HiddenSize, c.DModel));
    }

    public BertModel Encoder { get; }

    /// <summary>The type of the weights.</summary>
    public ScalarType Type => _projection.Matrix.dtype;

    /// <summary>Encodes word embeddings [B, T, H]; the masks go to the result.</summary>
    public TextFeatures Encode(Tensor words, TextMasks masks, Tensor? tokenTypeIds)
    {
        using var scope = NewDisposeScope();
        var hidden = Encoder.ForwardFromEmbeddings(words, masks.SelfAttention, masks.PositionIds, tokenTypeIds).LastHiddenState;
        return new TextFeatures(hidden.MoveToOuterDisposeScope(), Project(hidden).MoveToOuterDisposeScope(), masks);
    }

    /// <summary>Maps [B, T, H] to [B, T, D].</summary>
    public Tensor Project(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return _projection.Forward(hidden.to(Type)).MoveToOuterDisposeScope();
    }
}
