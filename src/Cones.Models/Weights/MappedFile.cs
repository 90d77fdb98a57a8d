using System.IO.MemoryMappedFiles;

namespace Cones.Models.Weights;

/// <summary>A file mapped into memory, read only.</summary>
sealed unsafe class MappedFile : IDisposable
{
    readonly FileStream _stream;
    readonly MemoryMappedFile? _map;
    readonly MemoryMappedViewAccessor? _view;
    byte* _start;

    MappedFile(string path)
    {
        Path = path;
        // Sharing for writing also keeps .NET from caching the length, see Copy.
        _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
        Length = RandomAccess.GetLength(_stream.SafeFileHandle);
        if (Length == 0) return;
        _map = MemoryMappedFile.CreateFromFile(_stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    public string Path { get; }

    /// <summary>The file's size in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <exception cref="ConesException">It cannot be opened; the message says why.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            return new MappedFile(path);
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            throw FileErrors.CannotRead(path, e);
        }
    }

    /// <summary>Copies <paramref name="target"/>.Length bytes from <paramref name="offset"/>.</summary>
    public void Copy(long offset, Span<byte> target)
    {
        if (offset < 0 || offset > Length - target.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"{target.Length} bytes wanted, the file has {Length}");
        if (target.IsEmpty) return;
        ObjectDisposedException.ThrowIf(_start is null, this);
        // Touching a page behind the end of a file that has shrunk kills the process.
        if (RandomAccess.GetLength(_stream.SafeFileHandle) < Length)
            throw new ConesException($"{Path} was shortened while it was being read: write it completely, then try again");
        new ReadOnlySpan<byte>(_start + offset, target.Length).CopyTo(target);
    }

    /// <summary>A copy of up to <paramref name="count"/> bytes from the start.</summary>
    public byte[] Head(int count)
    {
        var head = new byte[Math.Min(count, Length)];
        Copy(0, head);
        return head;
    }

    /// <summary>A stream over a part of the file.</summary>
    public Stream OpenRange(long offset, long length) =>
        length == 0 || _map is null ? Stream.Null : _map.CreateViewStream(offset, length, MemoryMappedFileAccess.Read);

    public void Dispose()
    {
        if (_start is not null)
        {
            _start = null;
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _view?.Dispose();
        _map?.Dispose();
        _stream.Dispose();
    }
}
