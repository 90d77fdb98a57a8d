using System.Security.Cryptography;
using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>
/// What pictures become before any prompt, kept under keys of their content and model: some in memory, all on the disk, where later
/// searches find them too. What is read equals what was made, bit by bit: damaged files are made again. A disk that is full or may not be
/// written costs time, no result: features then stay in memory as far as there is room, and others are made each time.
/// </summary>
public sealed class ImageEmbeddingCache : IDisposable
{
    const string Extension = ".features.safetensors";
    const string DigestKey = "sha256";

    readonly Dictionary<string, Tensor[]> _memory = [];
    readonly HashSet<string> _used = [];
    readonly CacheOptions _options;
    readonly Device _device;
    readonly string _folder;
    readonly bool _temporary;
    readonly Action<string>? _warn;
    long _memoryBytes;
    long? _diskBytes;
    bool _warned;

    /// <summary>A cache.</summary>
    /// <param name="options">Where and how much.</param>
    /// <param name="device">Where features are used.</param>
    /// <param name="warn">Told once, in a sentence, why features are not kept.</param>
    /// <exception cref="ConesException">The folder cannot be made.</exception>
    public ImageEmbeddingCache(CacheOptions options, Device device, Action<string>? warn = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _device, _warn) = (options, device, warn);
        _temporary = options.Folder is null;
        try
        {
            _folder = options.Folder is { } folder ? Directory.CreateDirectory(folder).FullName : Directory.CreateTempSubdirectory("cones-features-").FullName;
        }
        catch (Exception e) when (options.IsOptional && e is (IOException or UnauthorizedAccessException))
        {
            Warn(e.Message);
            (_temporary, _folder) = (true, Directory.CreateTempSubdirectory("cones-features-").FullName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{options.Folder} cannot be made a folder of image features ({e.Message}): name another one (--feature-cache)", e);
        }
    }

    /// <summary>How many pictures were encoded, because no cache had them.</summary>
    public int Encoded { get; private set; }

    /// <summary>Whether there are features of a key, which may yet turn out to be damaged.</summary>
    public bool Has(string key) => _memory.ContainsKey(key) || File.Exists(PathOf(key));

    /// <summary>The features of a key, in the caller's dispose scope.</summary>
    /// <param name="key">Hexadecimal digits that say what the features are of.</param>
    /// <param name="make">Makes them, [1, C, H, W] each.</param>
    public IReadOnlyList<Tensor> Get(string key, Func<IReadOnlyList<Tensor>> make)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!_memory.TryGetValue(key, out var rows))
        {
            var path = PathOf(key);
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

    string PathOf(string key) => Path.Combine(_folder, key + Extension);

    // Channels last, as they are computed: [1, C, H, W] -> [1, H, W, C].
    Tensor[] Make(string path, Func<IReadOnlyList<Tensor>> make)
    {
        Tensor[] rows = [.. make().Select(f => f.detach().to(ScalarType.Float32).cpu().permute(0, 2, 3, 1).contiguous())];
        Encoded++;
        try
        {
            MakeRoom(rows.Sum(BytesOf));
            SafetensorsWriter.Write(path, rows.Select((r, i) => (r, i)).ToDictionary(p => $"{p.i}", p => p.r), new Dictionary<string, string> { [DigestKey] = DigestOf(rows) });
            _diskBytes += new FileInfo(path).Length;
        }
        catch (Exception e) when (e is ConesException or IOException or UnauthorizedAccessException)
        {
            Warn(e.Message);
        }

        return rows;
    }

    static Tensor[]? Read(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            using var file = SafetensorsFile.Open(path);
            Tensor[] rows = [.. Enumerable.Range(0, file.Tensors.Count).Select(i => file.Read($"{i}"))];
            if (rows.Length == 0 || rows.Any(r => r.dim() != 4) || file.Metadata.GetValueOrDefault(DigestKey) != DigestOf(rows)) return null;
            Touch(path);
            return rows;
        }
        catch (Exception e) when (e is ConesException or KeyNotFoundException or IOException or UnauthorizedAccessException)
        {
            // Damaged, or removed by another program meanwhile: it is made again.
            return null;
        }
    }

    // The oldest go first when room is needed; a folder of another user's may be read only.
    static void Touch(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is read all the same.
        }
    }

    static string DigestOf(IEnumerable<Tensor> rows)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows) digest.AppendData(row.bytes);
        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    void Warn(string why)
    {
        if (!_warned) _warn?.Invoke($"image features are not kept for later commands: {why} (--feature-cache)");
        _warned = true;
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

    /// <summary>Whether a temporary folder takes the place of one that cannot be made.</summary>
    public bool IsOptional { get; init; }

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
