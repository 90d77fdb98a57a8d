using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights.Pickle;

/// <summary>The state dictionary in a PyTorch file, also below <c>model</c>, <c>state_dict</c> and the like.</summary>
public sealed class TorchCheckpoint : ICheckpoint
{
    // As training programs call the weights beside optimizer and epoch, in the order of preference.
    static readonly string[] s_wrappers = ["state_dict", "model_state_dict", "model", "module", "net", "params"];

    const int DeepestState = 8;
    const int LongestPrefix = 1000;

    readonly TorchArchive _archive;
    readonly Dictionary<string, TorchTensor> _tensors;

    TorchCheckpoint(TorchArchive archive)
    {
        _archive = archive;
        _tensors = TensorsOf(FindState(archive.Root as TorchDictionary));
        if (_tensors.Count == 0)
            throw new ConesException($"{archive.Path} holds no state dictionary (it holds {Describe(archive.Root)}): save the model's state_dict()");
        Tensors = _tensors.ToDictionary(t => t.Key, t => t.Value.Info, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public string Path => _archive.Path;

    /// <summary>Empty: the format has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="ConesException">It cannot be read or holds no tensors by name.</exception>
    public static TorchCheckpoint Open(string path)
    {
        var archive = TorchArchive.Open(path);
        try
        {
            return new TorchCheckpoint(archive);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string key, ScalarType? type = null) =>
        _tensors.TryGetValue(key, out var tensor) ? tensor.Read(type) : throw new KeyNotFoundException($"{Path} has no tensor '{key}'");

    /// <inheritdoc/>
    public void Dispose() => _archive.Dispose();

    static TorchDictionary? FindState(TorchDictionary? root)
    {
        if (root is null) return null;
        foreach (var name in s_wrappers)
            if (root.TryGet<TorchDictionary>(name, out var inner) && inner.Any(i => i.Value is TorchTensor)) return inner;
        return root;
    }

    // Nested dictionaries give keys with dots. A hostile file may put one into itself or into many others: each is entered once.
    static Dictionary<string, TorchTensor> TensorsOf(TorchDictionary? state)
    {
        var tensors = new Dictionary<string, TorchTensor>(StringComparer.Ordinal);
        var entered = new HashSet<TorchDictionary>(ReferenceEqualityComparer.Instance);
        if (state is not null) Enter(state, "", 0);
        return tensors;

        void Enter(TorchDictionary dictionary, string prefix, int depth)
        {
            if (depth > DeepestState || prefix.Length > LongestPrefix || !entered.Add(dictionary)) return;
            foreach (var (key, value) in dictionary)
            {
                if (key is not string name) continue;
                if (value is TorchTensor tensor) tensors.TryAdd(prefix + name, tensor);
                if (value is TorchDictionary inner) Enter(inner, $"{prefix}{name}.", depth + 1);
            }
        }
    }

    static string Describe(object? root) => root switch
    {
        TorchDictionary dictionary => $"a dictionary with the keys {string.Join(", ", dictionary.Take(8).Select(i => i.Key))}",
        TorchTensor => "a single tensor",
        IReadOnlyList<object?> => "a list",
        _ => "no tensors",
    };
}
