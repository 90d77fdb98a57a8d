using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Encoder;

/// <summary>Self-attention inside windows, with decomposed relative positions (<c>SamVisionAttention</c>). Global attention has one window.</summary>
sealed class SamVisionAttention : Module
{
    readonly Linear _qkv;
    readonly Linear _proj;
    readonly Weight? _vertical;
    readonly Weight? _horizontal;
    readonly int _window;
    readonly int _heads;

    public SamVisionAttention(SamVisionConfig c, int window)
    {
        var headDim = c.HiddenSize / c.NumAttentionHeads;
        _qkv = Add("qkv", new Linear(c.HiddenSize, 3 * c.HiddenSize, c.QkvBias));
        _proj = Add("proj", new Linear(c.HiddenSize, c.HiddenSize));
        _vertical = c.UseRelPos ? AddWeight("rel_pos_h", (2 * window) - 1, headDim) : null;
        _horizontal = c.UseRelPos ? AddWeight("rel_pos_w", (2 * window) - 1, headDim) : null;
        _window = window;
        _heads = c.NumAttentionHeads;
    }

    /// <summary>Maps [B, H, W, C] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var windows = SamWindows.Partition(x, _window); // [N, w, w, C]
        var (count, tokens, channels) = (windows.shape[0], (long)_window * _window, windows.shape[3]);
        var qkv = _qkv.Forward(windows).view(count, tokens, 3, _heads, -1).permute(2, 0, 3, 1, 4) // [3, N, heads, w w, d]
            .reshape(3, count * _heads, tokens, -1); // [3, N heads, w w, d]
        var attended = Attend(qkv[0], qkv[1], qkv[2]); // [N heads, w w, d]
        var merged = attended.view(count, _heads, _window, _window, -1).permute(0, 2, 3, 1, 4) // [N, w, w, heads, d]
            .reshape(count, _window, _window, channels);
        return _proj.Forward(SamWindows.Merge(merged, x.shape[1], x.shape[2])).MoveToOuterDisposeScope(); // [B, H, W, C]
    }

    Tensor Attend(Tensor q, Tensor k, Tensor v)
    {
        if (_vertical is null || _horizontal is null)
            return nn.functional.scaled_dot_product_attention(q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0)).squeeze(0);

        // The positions are multiplied by the query as it is, without the scale of the scores.
        var grid = q.view(q.shape[0], _window, _window, -1); // [N heads, y, x, d]
        var vertical = einsum("nyxd,ykd->nyxk", grid, Offsets(_vertical.Value)); // [N heads, y, x, w]
        var horizontal = einsum("nyxd,xkd->nyxk", grid, Offsets(_horizontal.Value));
        return RelativeAttention.Apply(q, k, v, vertical.reshape(q.shape[0], -1, _window), horizontal.reshape(q.shape[0], -1, _window));
    }

    // [2 w - 1, d] -> [w, w, d]: for each query and key the row of their distance.
    Tensor Offsets(Tensor table)
    {
        var places = arange(_window, device: table.device);
        var distance = places.unsqueeze(1) - places + (_window - 1); // [w, w], 0 to 2 w - 2
        return table.index_select(0, distance.view(-1)).view(_window, _window, -1);
    }
}
