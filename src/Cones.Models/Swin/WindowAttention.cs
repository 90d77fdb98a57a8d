using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>Multi-head self-attention within windows, with a bias for every relative position (<c>SwinAttention</c>).</summary>
sealed class WindowAttention : Module
{
    readonly JoinedLinear _qkv;
    readonly Weight _biasTable;
    readonly Linear _output;
    readonly int _heads;
    readonly int _side;
    readonly int _shift;

    public WindowAttention(SwinLayout layout, int width, int heads, int side, int shift, bool qkvBias)
    {
        _biasTable = AddWeight(layout.BiasTable, ((2 * side) - 1) * ((2 * side) - 1), heads);
        var rows = 3 * width / layout.Qkv.Count;
        _qkv = new JoinedLinear(
            [.. layout.Qkv.Select(name => AddWeight($"{name}.weight", rows, width))],
            qkvBias ? [.. layout.Qkv.Select(name => AddWeight($"{name}.bias", rows))] : []);
        _output = Add(layout.AttentionOutput, new Linear(width, width));
        (_heads, _side, _shift) = (heads, side, shift);
    }

    /// <summary>Maps windows [N, T, C], each of a kind of <see cref="WindowGrid.Kinds"/>, to the same shape.</summary>
    public Tensor Forward(Tensor windows, long[] kinds)
    {
        using var scope = NewDisposeScope();
        var (count, tokens, width) = (windows.shape[0], windows.shape[1], windows.shape[2]);
        var qkv = _qkv.Forward(windows).view(count, tokens, 3, _heads, width / _heads)
            .permute(2, 0, 3, 1, 4).unbind(0); // [N, T, 3 C] -> 3 x [N, heads, T, C / heads]
        var bias = Bias(kinds);
        var mixed = bias.requires_grad
            ? Attend(qkv[0], qkv[1], qkv[2], bias)
            : nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], attn_mask: bias); // [N, heads, T, C / heads]
        return _output.Forward(mixed.transpose(1, 2).reshape(count, tokens, width)).MoveToOuterDisposeScope();
    }

    // LibTorch's fused attention gives no gradient to what is added to the scores.
    static Tensor Attend(Tensor q, Tensor k, Tensor v, Tensor bias)
    {
        var scores = (q.matmul(k.transpose(-2, -1)) / Math.Sqrt(q.shape[^1])) + bias; // [N, heads, T, T]
        return scores.softmax(-1).matmul(v);
    }

    // [N, heads, T, T]
    Tensor Bias(long[] kinds)
    {
        var ofKinds = _biasTable.Value.requires_grad
            ? RelativePositionBias.FromTable(_biasTable.Value, _side, _shift)
            : _biasTable.Derived("bias", table => RelativePositionBias.FromTable(table, _side, _shift)); // [kinds, heads, T, T]
        return kinds.All(k => k == kinds[0])
            ? ofKinds.narrow(0, kinds[0], 1).expand(kinds.Length, -1, -1, -1)
            : ofKinds.index_select(0, tensor(kinds, device: ofKinds.device));
    }
}
