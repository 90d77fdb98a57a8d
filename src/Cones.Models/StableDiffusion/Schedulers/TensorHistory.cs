using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>The last few tensors that a multistep solver needs: kept beyond the caller's dispose scope.</summary>
sealed class TensorHistory(int capacity) : IDisposable
{
    readonly List<Tensor> _items = [];

    public int Count => _items.Count;

    /// <summary>The newest for 0, the one before it for 1, and so on.</summary>
    public Tensor this[int back] => _items[_items.Count - 1 - back];

    /// <summary>Keeps a handle of its own; the oldest goes when there are too many.</summary>
    public void Add(Tensor tensor)
    {
        _items.Add(tensor.alias().DetachFromDisposeScope());
        if (_items.Count <= capacity) return;
        _items[0].Dispose();
        _items.RemoveAt(0);
    }

    public void Clear()
    {
        foreach (var item in _items) item.Dispose();
        _items.Clear();
    }

    public void Dispose() => Clear();
}
