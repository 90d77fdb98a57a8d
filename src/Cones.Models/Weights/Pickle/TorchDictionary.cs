using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Cones.Models.Weights.Pickle;

/// <summary>
/// A Python dictionary in the order of its items. Keys are strings, integers or booleans; values are those of
/// <see cref="TorchArchive.Root"/>.
/// </summary>
public sealed class TorchDictionary : IReadOnlyCollection<KeyValuePair<object, object?>>
{
    OrderedDictionary<object, object?> _items = new(KeyComparer.Instance);

    internal TorchDictionary(string className) => ClassName = className;

    /// <summary>The Python class, e.g. <c>dict</c> or <c>collections.OrderedDict</c>.</summary>
    public string ClassName { get; }

    /// <inheritdoc/>
    public int Count => _items.Count;

    /// <summary>The keys that are strings, in order.</summary>
    public IEnumerable<string> Names => _items.Keys.OfType<string>();

    /// <summary>The value of a key.</summary>
    /// <param name="key">A string, a <see cref="long"/> or a <see cref="bool"/>.</param>
    /// <exception cref="KeyNotFoundException">There is no such key.</exception>
    public object? this[object key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"there is no key '{key}'");

    /// <summary>Looks a key up.</summary>
    public bool TryGetValue(object key, out object? value) => _items.TryGetValue(key is int number ? (long)number : key, out value);

    /// <summary>Looks a key up whose value is of a certain type.</summary>
    public bool TryGet<T>(object key, [NotNullWhen(true)] out T? value)
        where T : class
    {
        value = TryGetValue(key, out var found) ? found as T : null;
        return value is not null;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<object, object?>> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void Set(object? key, object? value)
    {
        if (key is not (string or long or bool))
            throw new InvalidDataException($"a dictionary has a key of type {key?.GetType().Name ?? "None"}; strings and integers are supported");
        _items[key] = value;
    }

    /// <summary>Shares the items of <paramref name="other"/>: copying could be abused to fill the memory.</summary>
    internal void TakeItems(TorchDictionary other) => _items = other._items;

    // Hashes that a file's author cannot foresee: equal ones would make look-ups slow.
    sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? x, object? y) => object.Equals(x, y);

        public int GetHashCode(object key) => key switch
        {
            string text => text.GetHashCode(StringComparison.Ordinal),
            long number => HashCode.Combine((int)number, (int)(number >> 32)),
            _ => key.GetHashCode(),
        };
    }
}
