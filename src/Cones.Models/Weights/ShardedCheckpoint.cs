using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>A checkpoint in several files (safetensors or PyTorch) with an index, <c>*.index.json</c>, as Hugging Face libraries write it.</summary>
public sealed class ShardedCheckpoint : ICheckpoint
{
    readonly Dictionary<string, ICheckpoint> _shards = new(StringComparer.Ordinal);
    readonly Dictionary<string, ICheckpoint> _shardOf = new(StringComparer.Ordinal);

    readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);

    ShardedCheckpoint(string indexPath) => Path = indexPath;

    /// <inheritdoc/>
    public string Path { get; }

    /// <summary>The tensors that the index names; a shard may hold others.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <summary>The metadata of the first shard.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; private set; } = new Dictionary<string, string>();

    /// <summary>The shards' file names.</summary>
    public IReadOnlyCollection<string> Shards => _shards.Keys;

    /// <summary>Opens an index and all its shards, which lie in its folder.</summary>
    /// <exception cref="ConesException">The index or a shard cannot be used; the message says why.</exception>
    public static ShardedCheckpoint Open(string indexPath)
    {
        var checkpoint = new ShardedCheckpoint(indexPath);
        try
        {
            checkpoint.OpenShards();
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string key, ScalarType? type = null) =>
        _shardOf.TryGetValue(key, out var shard) ? shard.Read(key, type) : throw new KeyNotFoundException($"{Path} has no tensor '{key}'");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var shard in _shards.Values) shard.Dispose();
    }

    void OpenShards()
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        foreach (var (key, file) in ReadWeightMap(Path))
        {
            var shard = OpenShard(folder, file);
            if (!shard.Tensors.TryGetValue(key, out var info)) throw new ConesException($"{Path} says that '{key}' is in {file}, which has no such tensor: download both again");
            if (!_tensors.TryAdd(key, info)) throw new ConesException($"{Path} has the tensor '{key}' twice: download it again");
            _shardOf.Add(key, shard);
        }

        if (_shards.Count > 0) Metadata = _shards.Values.First().Metadata;
    }

    ICheckpoint OpenShard(string folder, string file)
    {
        if (_shards.TryGetValue(file, out var open)) return open;
        // A name that leads elsewhere would let an index read any file.
        if (file.Length == 0 || file is "." or ".." || file.AsSpan().IndexOfAny("/\\:\0") >= 0)
            throw new ConesException($"{Path} names the shard '{file}', which is no plain file name: download it again");
        var path = System.IO.Path.Combine(folder, file);
        if (!File.Exists(path)) throw new ConesException($"{path} is missing, a shard that {Path} names: download all shards");
        if (Checkpoint.FormatOf(path) == CheckpointFormat.Sharded) throw new ConesException($"{Path} names {file}, which is no shard but JSON text: download both again");
        return _shards[file] = Checkpoint.OpenFile(path);
    }

    static List<KeyValuePair<string, string>> ReadWeightMap(string indexPath)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(indexPath));
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new ConesException($"{indexPath} is no index of shards, it has no weight_map: name the index or the weights");
            return
            [
                .. map.EnumerateObject().Select(e => KeyValuePair.Create(
                    e.Name,
                    e.Value.ValueKind == JsonValueKind.String
                        ? e.Value.GetString()!
                        : throw new ConesException($"{indexPath} names no file for '{e.Name}' but {e.Value.GetRawText()}: download it again"))),
            ];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ConesException($"{indexPath} is no valid JSON ({e.Message}): download it again", e);
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            throw FileErrors.CannotRead(indexPath, e);
        }
    }
}
