using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>
/// What pictures become before any prompt, kept under keys of their content and model: some in memory, all on the disk, where later
/// searches find them too. What is read equals what was made, bit by bit.
/// </summary>
public sealed class ImageEmbeddingCache : IDisposable
{
    const string Extension = ".features.safetensors";

    readonly Dictionary<string, Tensor[]> _memory = [];
    readonly HashSet<string> _used = [];
    readonly CacheOptions _options;
    readonly Device _device;
    readonly string _folder;
    readonly bool _temporary;
    long _memoryBytes;
    long? _diskBytes;

    /// <summary>A cache.</summary>
    /// <param name="options">Where and how much.</param>
    /// <param name="device">Where features are used.</param>
    /// <exception cref="ConesException">The folder cannot be made.</exception>
    public ImageEmbeddingCache(CacheOptions options, Device device)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _device) = (options, device);
        _temporary = options.Folder is null;
        try
        {
            _folder = options.Folder is { } folder ? Directory.CreateDirectory(folder).FullName : Directory.CreateTempSubdirectory("cones-features-").FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{options.Folder} cannot be made a folder of image features ({e.Message}): name another one (--feature-cache)", e);
        }
    }

    /// <summary>How many pictures were encoded, because no cache had them.</summary>
    public int Encoded { get; private set; }

    /// <summary>The features of a key, in the caller's dispose scope.</summary>
    /// <param name="key">Hexadecimal digits that say what the features are of.</param>
    /// <param name="make">Makes them, [1, C, H, W] each.</param>
    /// <exception cref="ConesException">They cannot be written.</exception>
    public IReadOnlyList<Tensor> Get(string key, Func<IReadOnlyList<Tensor>> make)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!_memory.TryGetValue(key, out var rows))
        {
            var path = Path.Combine(_folder, key + Extension);
            rows = Read(path) ?? Make(path, make);
            _used.Add(path);
            var bytes = rows.Sum(BytesOf);
            if (_memoryBytes + bytes <= _options.MemoryBytes)
            {
                _memoryBytes += bytes;
                _memory[key] = rows = [.. rows.Select(r => r.DetachFromDisposeScope())];
            }
        }

        return [.. rows.Select(r => r.to(_device).permute(0, 3, 1, 2).MoveToOuterDisposeScope())]; // [1, H, W, C] -> [1, C, H, W]
    }

    /// <summary>Frees the memory, and the folder if it was a temporary one.</summary>
    public void Dispose()
    {
        foreach (var row in _memory.Values.SelectMany(r => r)) row.Dispose();
        _memory.Clear();
        if (_temporary && Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    // Channels last, as they are computed: [1, C, H, W] -> [1, H, W, C].
    Tensor[] Make(string path, Func<IReadOnlyList<Tensor>> make)
    {
        Tensor[] rows = [.. make().Select(f => f.detach().to(ScalarType.Float32).cpu().permute(0, 2, 3, 1).contiguous())];
        Encoded++;
        var bytes = rows.Sum(BytesOf);
        MakeRoom(bytes);
        try
        {
            SafetensorsWriter.Write(path, rows.Select((r, i) => (r, i)).ToDictionary(p => $"{p.i}", p => p.r));
        }
        catch (ConesException e)
        {
            throw new ConesException($"{e.Message}; the features of pictures need room there: free some, or name another folder (--feature-cache)", e);
        }

        _diskBytes += new FileInfo(path).Length;
        return rows;
    }

    static Tensor[]? Read(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            using var file = SafetensorsFile.Open(path);
            Tensor[] rows = [.. Enumerable.Range(0, file.Tensors.Count).Select(i => file.Read($"{i}"))];
            // The oldest go first when room is needed.
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            return rows.All(r => r.dim() == 4) && rows.Length > 0 ? rows : null;
        }
        catch (Exception e) when (e is ConesException or KeyNotFoundException or IOException or UnauthorizedAccessException)
        {
            // Damaged, or removed by another program meanwhile: it is made again.
            return null;
        }
    }

    // What this process uses itself stays: it would only be encoded again.
    void MakeRoom(long bytes)
    {
        var files = new DirectoryInfo(_folder).EnumerateFiles("*" + Extension);
        _diskBytes ??= files.Sum(f => f.Length);
        if (_diskBytes + bytes <= _options.DiskBytes) return;
        foreach (var file in files.Where(f => !_used.Contains(f.FullName)).OrderBy(f => f.LastWriteTimeUtc).ToArray())
        {
            if (_diskBytes + bytes <= _options.DiskBytes) return;
            try
            {
                var length = file.Length;
                file.Delete();
                _diskBytes -= length;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another program uses it: the next one goes.
            }
        }
    }

    static long BytesOf(Tensor row) => row.numel() * row.element_size();
}

/// <summary>Where features of pictures are kept. Changes no result.</summary>
public sealed record CacheOptions
{
    /// <summary>The folder; null for a temporary one that vanishes with the cache.</summary>
    public string? Folder { get; init; }

    /// <summary>The most bytes to keep in memory.</summary>
    public long MemoryBytes { get; init; } = 2L << 30;

    /// <summary>The bytes in the folder beyond which the features that were not used for longest are removed; those in use stay.</summary>
    public long DiskBytes { get; init; } = 10L << 30;

    /// <summary>The folder of this user: <c>cones/features</c> in <c>XDG_CACHE_HOME</c>, by default <c>~/.cache</c>.</summary>
    public static string DefaultFolder
    {
        get
        {
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (string.IsNullOrEmpty(cache)) cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(cache, "cones", "features");
        }
    }
}
