using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>A part of a network: weights and further parts, under the names that checkpoints use.</summary>
/// <remarks>
/// Names may hold dots (<c>to_out.0</c>), so that every key of <see cref="NamedWeights"/> is a key of the checkpoint.
/// </remarks>
public abstract class Module : IDisposable
{
    readonly List<(string Name, Weight Weight)> _weights = [];
    readonly List<(string Name, Module Module)> _children = [];

    /// <summary>Every weight below this module with its key, in the order of construction.</summary>
    /// <param name="prefix">Put before every key, with the dot.</param>
    public IEnumerable<KeyValuePair<string, Weight>> NamedWeights(string prefix = "")
    {
        foreach (var (name, weight) in _weights) yield return new(prefix + name, weight);
        foreach (var (name, child) in _children)
            foreach (var pair in child.NamedWeights($"{prefix}{name}."))
                yield return pair;
    }

    /// <summary>The number of elements of all weights.</summary>
    public long CountParameters() => NamedWeights().Sum(w => w.Value.Count);

    /// <summary>Says whether gradients flow into the weights. A frozen model (the default) differentiates activations only.</summary>
    public void SetRequiresGrad(bool value) => Set(NamedWeights(), value);

    /// <summary>Lets gradients flow into some weights; the others stay as they are.</summary>
    /// <param name="chosen">Says by its key whether a weight is among them.</param>
    /// <returns>The weights with their keys, in the order of construction.</returns>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(Func<string, bool> chosen)
    {
        KeyValuePair<string, Weight>[] weights = [.. NamedWeights().Where(w => chosen(w.Key))];
        Set(weights, true);
        return [.. weights.Select(w => KeyValuePair.Create(w.Key, w.Value.Value))];
    }

    /// <summary>Moves all weights to a device and a floating-point type.</summary>
    public void To(Device device, ScalarType type)
    {
        foreach (var (_, weight) in NamedWeights())
        {
            using var scope = NewDisposeScope();
            var moved = weight.Value.to(weight.TypeIn(type), device);
            if (!ReferenceEquals(moved, weight.Value)) weight.Assign(moved.alias());
        }
    }

    /// <summary>
    /// Lays the kernels of all convolutions out channels-last, as their inputs are: the kernels then read both without
    /// reordering, and pixels become tokens without a copy.
    /// </summary>
    public void ToChannelsLast()
    {
        foreach (var (_, weight) in NamedWeights().Where(w => w.Value.Shape.Count == 4))
        {
            using var scope = NewDisposeScope();
            weight.Assign(weight.Value.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2));
        }
    }

    /// <summary>Frees all weights.</summary>
    public void Dispose()
    {
        foreach (var (_, weight) in NamedWeights()) weight.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Adds a weight under <paramref name="name"/>.</summary>
    protected Weight AddWeight(string name, params ReadOnlySpan<long> shape) => AddWeight(name, new Weight(shape));

    /// <summary>Adds a weight under <paramref name="name"/>.</summary>
    protected Weight AddWeight(string name, Weight weight)
    {
        _weights.Add((name, weight));
        return weight;
    }

    /// <summary>Adds a part under <paramref name="name"/>.</summary>
    protected TModule Add<TModule>(string name, TModule module)
        where TModule : Module
    {
        _children.Add((name, module));
        return module;
    }

    static void Set(IEnumerable<KeyValuePair<string, Weight>> weights, bool value)
    {
        foreach (var (_, weight) in weights)
        {
            weight.Value.requires_grad_(value);
            weight.MarkChanged();
        }
    }
}
