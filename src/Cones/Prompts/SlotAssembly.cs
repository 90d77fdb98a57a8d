using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>Puts learned vectors into cached encodings. Pure functions; the gradient flows into the vectors.</summary>
public static class SlotAssembly
{
    /// <summary>Applies <paramref name="rule"/> to a batch of encodings.</summary>
    /// <param name="rule">Where the vectors go.</param>
    /// <param name="encodings">[B, T, D], from the text encoder; not changed.</param>
    /// <param name="slots">[B, n] int64: the placeholder's slots in each row; read by overwrite and residual only.</param>
    /// <param name="vectors">[n, D]; the number that <see cref="SlotRules.VectorCount"/> gives.</param>
    /// <returns>[B, T, D].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public static Tensor Apply(SlotRule rule, Tensor encodings, Tensor? slots, Tensor vectors)
    {
        Check(rule, encodings, slots, vectors);
        var (batch, length, dim) = (encodings.shape[0], encodings.shape[1], encodings.shape[2]);
        var count = vectors.shape[0];
        using var scope = NewDisposeScope();
        var result = rule switch
        {
            SlotRule.Overwrite => Write(encodings, slots!, vectors.expand(batch, count, dim)),
            SlotRule.Residual => encodings + Write(zeros_like(encodings), slots!, vectors.expand(batch, count, dim)),
            SlotRule.Delta or SlotRule.DeltaPerSlot =>
                cat([encodings.narrow(1, 0, 1), encodings.narrow(1, 1, length - 1) + vectors], 1),
            SlotRule.Tail => cat([encodings.narrow(1, 0, length - count), vectors.expand(batch, count, dim)], 1),
            SlotRule.Full => cat([encodings.narrow(1, 0, 1), vectors.expand(batch, count, dim)], 1),
            SlotRule.FullWithStart => vectors.expand(batch, count, dim).clone(),
            _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "unknown rule"),
        };
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>A copy of [B, T, D] in which row b has values[b, i] at slot slots[b, i].</summary>
    static Tensor Write(Tensor target, Tensor slots, Tensor values)
    {
        var index = slots.unsqueeze(-1).expand(values.shape); // [B, n] -> [B, n, D]
        return target.scatter(1, index, values);
    }

    static void Check(SlotRule rule, Tensor encodings, Tensor? slots, Tensor vectors)
    {
        if (encodings.dim() != 3)
            throw new ArgumentException($"encodings have shape [{string.Join(",", encodings.shape)}], [B,T,D] expected", nameof(encodings));
        if (vectors.dim() != 2 || vectors.shape[1] != encodings.shape[2])
            throw new ArgumentException($"vectors have shape [{string.Join(",", vectors.shape)}], [n,{encodings.shape[2]}] expected", nameof(vectors));

        var count = vectors.shape[0];
        var length = encodings.shape[1];
        if (rule is SlotRule.Overwrite or SlotRule.Residual)
        {
            if (slots is null || slots.dim() != 2 || slots.shape[0] != encodings.shape[0] || slots.shape[1] != count)
                throw new ArgumentException(
                    $"slots have shape [{(slots is null ? "none" : string.Join(",", slots.shape))}], [{encodings.shape[0]},{count}] expected", nameof(slots));
            return;
        }

        var expected = SlotRules.VectorCount(rule, (int)count, (int)length);
        if (count != expected || (rule == SlotRule.Tail && count >= length))
            throw new ArgumentException($"{count} vectors given, {expected} expected for rule '{SlotRules.NameOf(rule)}' in {length} slots", nameof(vectors));
    }
}
