using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>Multi-head attention without query, key and value biases, as diffusers' <c>Attention</c>.</summary>
public sealed class Attention : Module
{
    readonly Linear _query;
    readonly Linear _key;
    readonly Linear _value;
    readonly Linear _out;
    readonly int _heads;

    /// <summary>Attention of <paramref name="dim"/> channels to a context of <paramref name="contextDim"/> channels.</summary>
    public Attention(int dim, int contextDim, int heads)
    {
        _query = Add("to_q", new Linear(dim, dim, bias: false));
        _key = Add("to_k", new Linear(contextDim, dim, bias: false));
        _value = Add("to_v", new Linear(contextDim, dim, bias: false));
        _out = Add("to_out.0", new Linear(dim, dim));
        _heads = heads;
    }

    /// <summary>Maps tokens [B, N, C], attending to [B, T, D], to [B, N, C].</summary>
    public Tensor Forward(Tensor x, Tensor context)
    {
        using var scope = NewDisposeScope();
        var attended = MultiHeadAttention.Apply(_query.Forward(x), _key.Forward(context), _value.Forward(context), _heads);
        return _out.Forward(attended).MoveToOuterDisposeScope();
    }
}
