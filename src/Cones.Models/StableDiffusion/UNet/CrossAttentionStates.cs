using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>
/// What the cross-attention layers see: one tensor for all of them, or one for each (P+, arXiv 2303.09522).
/// </summary>
public sealed class CrossAttentionStates
{
    readonly Tensor[] _states;

    /// <summary>The same prompt embeddings, [B, T, D], for all layers.</summary>
    public CrossAttentionStates(Tensor embeddings) => _states = [embeddings];

    /// <summary>Embeddings [B, T, D] for each layer, in the order of <see cref="UNet2DConditionModel.CrossAttentionLayers"/>.</summary>
    public CrossAttentionStates(IEnumerable<Tensor> perLayer) => _states = [.. perLayer];

    /// <summary>The number of tensors: 1, or one a layer.</summary>
    public int Count => _states.Length;

    /// <summary>The distinct tensors.</summary>
    public IReadOnlyList<Tensor> Tensors => _states;

    /// <summary>Checks the shapes against a model and a batch.</summary>
    /// <exception cref="ArgumentException">A shape or the number of tensors does not fit.</exception>
    internal void Check(long batch, int dim, int layers)
    {
        if (_states.Length != 1 && _states.Length != layers)
            throw new ArgumentException($"{_states.Length} prompt embeddings given, 1 or {layers} (one a cross-attention layer) expected");
        foreach (var state in _states)
            if (state.dim() != 3 || state.shape[0] != batch || state.shape[2] != dim)
                throw new ArgumentException($"prompt embeddings have shape [{string.Join(",", state.shape)}], [{batch},T,{dim}] expected");
    }

    /// <summary>The same with every tensor mapped by <paramref name="function"/>.</summary>
    internal CrossAttentionStates Map(Func<Tensor, Tensor> function) => new(_states.Select(function));

    /// <summary>Hands out one tensor a layer, in the order of the forward pass.</summary>
    internal Reader Read() => new(_states);

    /// <summary>A position in the order of the layers.</summary>
    public sealed class Reader
    {
        readonly Tensor[] _states;
        int _next;

        internal Reader(Tensor[] states) => _states = states;

        /// <summary>The embeddings of the next layer.</summary>
        internal Tensor Next() => _states.Length == 1 ? _states[0] : _states[_next++];
    }
}
