using Cones.Models.Bert;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Text;

/// <summary>What GLIP takes from the text encoder (<c>BertEncoder.forward</c>).</summary>
/// <param name="Hidden">[B, T, L], the last layer's output, padded slots too: what a model with fusion reads.</param>
/// <param name="Embedded">[B, T, L], the mean of the last n layers, divided by n once more, 0 in padded slots: what a model without fusion reads.</param>
/// <param name="Aggregate">[B, L], the mean of <paramref name="Embedded"/> over the valid tokens; no published model reads it.</param>
public sealed record LanguageFeatures(Tensor Hidden, Tensor Embedded, Tensor Aggregate)
{
    internal LanguageFeatures MoveToOuterDisposeScope()
    {
        foreach (var tensor in (Tensor[])[Hidden, Embedded, Aggregate]) tensor.MoveToOuterDisposeScope();
        return this;
    }

    /// <summary>The features of an encoder's output.</summary>
    /// <param name="output">The output.</param>
    /// <param name="mask">[B, T], 0 for padding.</param>
    /// <param name="layers">n; above 1 the second division by n is GLIP's own.</param>
    public static LanguageFeatures Of(BertOutput output, Tensor mask, int layers)
    {
        using var scope = NewDisposeScope();
        var last = output.HiddenStates.Skip(output.HiddenStates.Count - layers).ToArray();
        var valid = mask.to(output.LastHiddenState.dtype).unsqueeze(-1); // [B, T, 1]
        var embedded = last.Aggregate((a, b) => a + b) / (layers * layers) * valid;
        var aggregate = embedded.sum(1) / valid.sum(1);
        return new LanguageFeatures(output.LastHiddenState.alias(), embedded, aggregate).MoveToOuterDisposeScope();
    }
}
