using System.Runtime.InteropServices;
using Cones.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>
/// The features of pictures, which no prompt changes: made once, kept in memory up to a bound, beyond it in a file that vanishes with its
/// process. What is read equals what was added, bit by bit.
/// </summary>
/// <param name="maximumBytes">The most bytes to keep in memory.</param>
/// <param name="folder">Where the file goes if they are more; null for the folder of temporary files.</param>
/// <param name="device">Where features are used.</param>
public sealed class FeatureCache(long maximumBytes, string? folder, Device device) : IDisposable
{
    readonly List<Entry> _entries = [];
    FileStream? _file;
    long _bytes;
    long _end;

    /// <summary>The number of pictures.</summary>
    public int Count => _entries.Count;

    /// <summary>The bytes of features in memory.</summary>
    public long MemoryBytes => _bytes;

    /// <summary>The file that features lie in, or null where all are in memory.</summary>
    public string? File => _file?.Name;

    /// <summary>Keeps copies of a picture's features, float32 [1, C, H, W] each.</summary>
    /// <exception cref="ConesException">The file cannot be written.</exception>
    public void Add(IReadOnlyList<Tensor> features)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        long[][] shapes = [.. features.Select(f => f.shape)];
        // Channels last, as they are computed: [1, C, H, W] -> [1, H, W, C].
        Tensor[] rows = [.. features.Select(f => f.detach().to(ScalarType.Float32).cpu().permute(0, 2, 3, 1).contiguous())];
        var bytes = rows.Sum(r => r.numel() * sizeof(float));
        if (_bytes + bytes <= maximumBytes)
        {
            _bytes += bytes;
            _entries.Add(new Entry(shapes, [.. rows.Select(r => r.clone().DetachFromDisposeScope())], 0));
            return;
        }

        _entries.Add(new Entry(shapes, null, _end));
        foreach (var row in rows) Write(row);
    }

    /// <summary>A picture's features, in the caller's dispose scope.</summary>
    /// <exception cref="ConesException">The file was cut short.</exception>
    public IReadOnlyList<Tensor> Read(int index)
    {
        var entry = _entries[index];
        using var scope = NewDisposeScope();
        var at = entry.Offset;
        var features = new List<Tensor>();
        for (var i = 0; i < entry.Shapes.Length; i++)
        {
            var row = entry.Rows is { } rows ? rows[i].alias() : ReadRow(entry.Shapes[i], ref at);
            features.Add(row.to(device).permute(0, 3, 1, 2).MoveToOuterDisposeScope()); // [1, H, W, C] -> [1, C, H, W]
        }

        return features;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var row in _entries.SelectMany(e => e.Rows ?? [])) row.Dispose();
        _file?.Dispose();
    }

    void Write(Tensor row)
    {
        var path = Path.Combine(folder ?? Path.GetTempPath(), $"features.{Guid.NewGuid():n}.tmp");
        try
        {
            _file ??= new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
            RandomAccess.Write(_file.SafeFileHandle, row.bytes, _end);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{_file?.Name ?? path} cannot be written ({e.Message}): the features of the pictures need room there; free some, name another folder (--run), or allow more memory (--feature-memory)", e);
        }

        _end += row.numel() * sizeof(float);
    }

    Tensor ReadRow(long[] shape, ref long at)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        var bytes = MemoryMarshal.AsBytes(values.AsSpan());
        for (var done = 0; done < bytes.Length;)
        {
            var read = RandomAccess.Read(_file!.SafeFileHandle, bytes[done..], at + done);
            if (read == 0) throw new ConesException($"{_file.Name} was cut short while the search ran: start the search again");
            done += read;
        }

        at += bytes.Length;
        return tensor(values, [shape[0], shape[2], shape[3], shape[1]]);
    }

    sealed record Entry(long[][] Shapes, Tensor[]? Rows, long Offset);
}
