using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Sam.Encoder;

/// <summary>
/// Self-attention over a grid of tokens with decomposed relative positions (MViTv2, section 4.1; <c>SamVisionAttention</c>):
/// <c>softmax(q kᵀ / √d + vertical + horizontal) v</c>. The scores of a few queries exist at a time, forward and backward.
/// </summary>
/// <remarks>
/// SAM's global layers have 4096 tokens: the scores of all heads would take 0.8 GB, and so would the mask by which LibTorch's attention
/// takes the positions; where that needs a gradient, several of them.
/// </remarks>
sealed class RelativeAttention : KernelFunction<RelativeAttention>
{
    // What a part of the queries adds to its scores: large enough for LibTorch's attention, small enough for the cache.
    const long ChunkElements = 4 << 20;

    /// <summary>Maps to [N, S, d], where S = height · width.</summary>
    /// <param name="query">[N, S, d].</param>
    /// <param name="key">[N, S, d].</param>
    /// <param name="value">[N, S, d].</param>
    /// <param name="vertical">What each query adds to each row of keys, [N, S, height].</param>
    /// <param name="horizontal">What each query adds to each column of keys, [N, S, width].</param>
    public static Tensor Apply(Tensor query, Tensor key, Tensor value, Tensor vertical, Tensor horizontal)
    {
        var call = new Call();
        Tensor[] inputs = [query, key, value, vertical, horizontal];
        if (!inputs.Any(NeedsGradient)) return Compute(query, key, value, vertical, horizontal);
        var y = apply(query, key, value, vertical, horizontal, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[5];
        call.Context = ctx;
        Tensor[] inputs = [.. vars.Take(5).Cast<Tensor>()];
        var y = Compute(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
        ctx.save_for_backward([.. inputs, y]);
        return y;
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var saved = context.get_saved_variables();
        var (q, k, v, vertical, horizontal, y) = (saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]);
        var shared = (gradOutput * y).sum(-1, keepdim: true); // [N, S, 1]
        var scale = Math.Pow(q.shape[2], -0.5);
        Tensor[] grads = [.. saved.Take(5).Select(x => zeros_like(x))];
        foreach (var (n, rows) in Chunks(q))
        {
            using var part = NewDisposeScope();
            var (keys, values) = (k.narrow(0, n.First, n.Count), v.narrow(0, n.First, n.Count)); // [n, S, d]
            var queries = Part(q, n, rows); // [n, c, d]
            var probabilities = Probabilities(queries, keys, Part(vertical, n, rows), Part(horizontal, n, rows), scale); // [n, c, S]
            var gradY = Part(gradOutput, n, rows); // [n, c, d]
            var gradLogits = gradY.bmm(values.transpose(1, 2)).sub_(Part(shared, n, rows)).mul_(probabilities); // [n, c, S]
            var grid = gradLogits.view(n.Count, rows.Count, vertical.shape[2], horizontal.shape[2]); // [n, c, height, width]
            Part(grads[0], n, rows).copy_(gradLogits.bmm(keys).mul_(scale));
            grads[1].narrow(0, n.First, n.Count).add_(gradLogits.transpose(1, 2).bmm(queries).mul_(scale));
            grads[2].narrow(0, n.First, n.Count).add_(probabilities.transpose(1, 2).bmm(gradY));
            Part(grads[3], n, rows).copy_(grid.sum(3));
            Part(grads[4], n, rows).copy_(grid.sum(2));
        }

        return [.. grads, null!];
    }

    static Tensor Compute(Tensor q, Tensor k, Tensor v, Tensor vertical, Tensor horizontal)
    {
        using var scope = NewDisposeScope();
        var y = empty_like(v);
        foreach (var (n, rows) in Chunks(q))
        {
            using var part = NewDisposeScope();
            var mask = Bias(Part(vertical, n, rows), Part(horizontal, n, rows)); // [n, c, S]
            var attended = nn.functional.scaled_dot_product_attention(
                Part(q, n, rows).unsqueeze(1), k.narrow(0, n.First, n.Count).unsqueeze(1), v.narrow(0, n.First, n.Count).unsqueeze(1), mask.unsqueeze(1));
            Part(y, n, rows).copy_(attended.squeeze(1)); // [n, 1, c, d] -> [n, c, d]
        }

        return y.MoveToOuterDisposeScope();
    }

    // [n, c, d], [n, S, d], [n, c, height], [n, c, width] -> [n, c, S]
    static Tensor Probabilities(Tensor q, Tensor k, Tensor vertical, Tensor horizontal, double scale) =>
        q.bmm(k.transpose(1, 2)).mul_(scale).add_(Bias(vertical, horizontal)).softmax(-1);

    // [n, c, height], [n, c, width] -> [n, c, height width]
    static Tensor Bias(Tensor vertical, Tensor horizontal) => (vertical.unsqueeze(-1) + horizontal.unsqueeze(-2)).flatten(2);

    static Tensor Part(Tensor x, (long First, long Count) n, (long First, long Count) rows) => x.narrow(0, n.First, n.Count).narrow(1, rows.First, rows.Count);

    // Several small grids at once, or some queries of one large grid.
    static IEnumerable<((long First, long Count) N, (long First, long Count) Rows)> Chunks(Tensor q)
    {
        var (count, tokens) = (q.shape[0], q.shape[1]);
        var together = Math.Clamp(ChunkElements / (tokens * tokens), 1, count);
        var rows = Math.Clamp(ChunkElements / tokens, 1, tokens);
        for (var n = 0L; n < count; n += together)
            for (var row = 0L; row < tokens; row += rows)
                yield return ((n, Math.Min(together, count - n)), (row, Math.Min(rows, tokens - row)));
    }

    sealed record Call
    {
        public AutogradContext? Context { get; set; }
    }
}
