using System.Collections;

namespace Cones.Models.Layers;

/// <summary>Parts named by their index, as <c>torch.nn.ModuleList</c> names them.</summary>
public sealed class ModuleList<TModule> : Module, IReadOnlyList<TModule>
    where TModule : Module
{
    readonly List<TModule> _items = [];

    /// <summary>A list of <paramref name="modules"/>.</summary>
    public ModuleList(IEnumerable<TModule> modules)
    {
        foreach (var module in modules) _items.Add(Add($"{_items.Count}", module));
    }

    /// <inheritdoc/>
    public int Count => _items.Count;

    /// <inheritdoc/>
    public TModule this[int index] => _items[index];

    /// <inheritdoc/>
    public IEnumerator<TModule> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
