using System.Runtime.InteropServices;
using Cones.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>Keeps rows of equal shape, float32 on the CPU.</summary>
interface ILatentStore : IDisposable
{
    /// <summary>The number of rows.</summary>
    int Count { get; }

    /// <summary>Keeps a copy of a row.</summary>
    void Add(Tensor row);

    /// <summary>Some rows, stacked.</summary>
    /// <param name="rows">[B] int64.</param>
    Tensor Read(Tensor rows);
}

/// <summary>Rows in memory.</summary>
sealed class LatentMemory : ILatentStore
{
    readonly List<Tensor> _rows = [];

    public int Count => _rows.Count;

    public void Add(Tensor row) => _rows.Add(row.clone().DetachFromDisposeScope());

    public Tensor Read(Tensor rows) => stack([.. rows.data<long>().ToArray().Select(i => _rows[(int)i])]);

    public void Dispose()
    {
        foreach (var row in _rows) row.Dispose();
    }
}

/// <summary>Rows in a file that vanishes with its process; of one that was killed, with the next search in its folder.</summary>
sealed class LatentFile : ILatentStore
{
    readonly FileStream _file;
    readonly long[] _shape;
    readonly int _length;

    /// <param name="folder">The file's folder.</param>
    /// <param name="shape">The shape of a row.</param>
    /// <exception cref="ConesException">The file cannot be made.</exception>
    public LatentFile(string folder, long[] shape)
    {
        _shape = shape;
        _length = (int)(shape.Aggregate(1L, (a, b) => a * b) * sizeof(float));
        Path = System.IO.Path.Combine(folder, $"latents.{Guid.NewGuid():n}.tmp");
        try
        {
            _file = new FileStream(Path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(e);
        }
    }

    public string Path { get; }

    public int Count { get; private set; }

    public void Add(Tensor row)
    {
        try
        {
            RandomAccess.Write(_file.SafeFileHandle, row.contiguous().bytes, (long)Count * _length);
        }
        catch (IOException e)
        {
            throw CannotWrite(e);
        }

        Count++;
    }

    public Tensor Read(Tensor rows)
    {
        long[] indices = rows.data<long>().ToArray();
        var values = new float[indices.Length * (_length / sizeof(float))];
        var bytes = MemoryMarshal.AsBytes(values.AsSpan());
        for (var i = 0; i < indices.Length; i++)
        {
            var target = bytes.Slice(i * _length, _length);
            for (var done = 0; done < _length;)
            {
                var read = RandomAccess.Read(_file.SafeFileHandle, target[done..], (indices[i] * _length) + done);
                if (read == 0) throw new ConesException($"{Path} was cut short while the search ran: start the search again");
                done += read;
            }
        }

        return tensor(values).reshape([indices.Length, .. _shape]);
    }

    public void Dispose() => _file.Dispose();

    ConesException CannotWrite(Exception e) =>
        new($"{Path} cannot be written ({e.Message}): the latents of the pictures need room there; free some, name another folder (--run), or allow more memory (--latent-memory)", e);
}
