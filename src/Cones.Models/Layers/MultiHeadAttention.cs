using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>Scaled dot-product attention of several heads, without masks.</summary>
public static class MultiHeadAttention
{
    /// <summary>Attends from <paramref name="q"/> to <paramref name="k"/> and sums <paramref name="v"/>.</summary>
    /// <param name="q">[B, Nq, C]; each head has C / <paramref name="heads"/> consecutive channels.</param>
    /// <param name="k">[B, Nk, C].</param>
    /// <param name="v">[B, Nk, C].</param>
    /// <param name="heads">The number of heads; divides C.</param>
    /// <returns>[B, Nq, C].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit together.</exception>
    public static Tensor Apply(Tensor q, Tensor k, Tensor v, long heads)
    {
        var shape = q.shape;
        if (q.dim() != 3 || k.dim() != 3 || !k.shape.AsSpan().SequenceEqual(v.shape) || k.shape[0] != shape[0] || k.shape[2] != shape[2] || shape[2] % heads != 0)
            throw new ArgumentException(
                $"queries [{string.Join(",", q.shape)}], keys [{string.Join(",", k.shape)}] and values [{string.Join(",", v.shape)}] do not fit together in {heads} heads", nameof(q));
        if (AttentionFunction.Accepts(q, k, v, heads)) return AttentionFunction.Apply(q, k, v, heads, 1 / Math.Sqrt((double)shape[2] / heads));

        using var scope = NewDisposeScope();
        var attended = nn.functional.scaled_dot_product_attention(SplitHeads(q, heads), SplitHeads(k, heads), SplitHeads(v, heads));
        return attended.transpose(1, 2).reshape(shape).MoveToOuterDisposeScope(); // [B, h, N, d] -> [B, N, C]
    }

    // [B, N, C] -> [B, h, N, d]
    static Tensor SplitHeads(Tensor x, long heads) => x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
}
