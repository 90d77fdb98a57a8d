using Cones.Models.GroundingDino.Decoder;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino;

/// <summary>What the detector finds in B images with texts of T tokens, by its L decoder layers and Q queries.</summary>
/// <param name="Logits">[L, B, Q, T]: class scores by token, minus infinity at padding.</param>
/// <param name="Boxes">[L, B, Q, 4]: (cx, cy, w, h) in 0..1 of each image without its padding.</param>
/// <param name="Proposals">What the encoder proposed; null in a model of one stage.</param>
/// <param name="Details">What lies between; null unless asked for.</param>
public sealed record GroundingDinoOutput(Tensor Logits, Tensor Boxes, EncoderProposals? Proposals, GroundingDinoDetails? Details) : IDisposable
{
    /// <summary>The last layer's class scores, [B, Q, T]: a new view.</summary>
    public Tensor LastLogits() => Logits.select(0, -1);

    /// <summary>The last layer's boxes, [B, Q, 4]: a new view.</summary>
    public Tensor LastBoxes() => Boxes.select(0, -1);

    /// <summary>Class scores with as many columns as the model takes tokens, the further ones minus infinity, as transformers gives them.</summary>
    /// <param name="logits">[..., T].</param>
    /// <param name="maxTextLen"><see cref="GroundingDinoConfig.MaxTextLen"/>.</param>
    /// <returns>[..., maxTextLen].</returns>
    /// <exception cref="ArgumentException">There are more tokens than columns.</exception>
    public static Tensor Pad(Tensor logits, int maxTextLen)
    {
        var tokens = logits.shape[^1];
        if (tokens > maxTextLen) throw new ArgumentException($"the scores have {tokens} columns, more than {maxTextLen}", nameof(logits));
        return nn.functional.pad(logits, [0, maxTextLen - tokens], PaddingModes.Constant, double.NegativeInfinity);
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Logits.Dispose();
        Boxes.Dispose();
        Proposals?.Dispose();
        Details?.Dispose();
    }

    /// <summary>Hands the tensors to the dispose scope around the current one.</summary>
    internal GroundingDinoOutput MoveToOuterDisposeScope()
    {
        Logits.MoveToOuterDisposeScope();
        Boxes.MoveToOuterDisposeScope();
        Proposals?.MoveToOuterDisposeScope();
        Details?.MoveToOuterDisposeScope();
        return this;
    }
}

/// <summary>The states between encoder and heads.</summary>
/// <param name="EncodedVision">[B, N, D], the encoder's image features.</param>
/// <param name="EncodedText">[B, T, D], the encoder's text features.</param>
/// <param name="States">[L, B, Q, D], each decoder layer's queries after the norm.</param>
/// <param name="References">[L + 1, B, Q, 4]: the queries' first boxes, then those after each layer; without gradient.</param>
public sealed record GroundingDinoDetails(Tensor EncodedVision, Tensor EncodedText, Tensor States, Tensor References) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        EncodedVision.Dispose();
        EncodedText.Dispose();
        States.Dispose();
        References.Dispose();
    }

    /// <summary>Hands the tensors to the dispose scope around the current one.</summary>
    internal GroundingDinoDetails MoveToOuterDisposeScope()
    {
        EncodedVision.MoveToOuterDisposeScope();
        EncodedText.MoveToOuterDisposeScope();
        States.MoveToOuterDisposeScope();
        References.MoveToOuterDisposeScope();
        return this;
    }
}
