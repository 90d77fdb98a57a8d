namespace Cones.Models.Weights;

/// <summary>
/// Writes files so that whoever looks finds the old content or the new one, never a part; after a power failure too.
/// </summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes a temporary file in the same folder, brings it to the disk, renames it to <paramref name="path"/> and brings
    /// that to the disk too. On any error the temporary file is removed and an old file stays as it was.
    /// </summary>
    /// <param name="path">The file to make or to replace. Its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="size">The size in bytes where it is known: a full disk is then found before anything is written.</param>
    /// <exception cref="ConesException">The file cannot be written; the message names it and the remedy.</exception>
    public static void Write(string path, Action<Stream> write, long size = 0)
    {
        var full = Path.GetFullPath(path);
        var temporary = Path.Combine(Path.GetDirectoryName(full) ?? full, $".{Path.GetFileName(full)}.{Guid.NewGuid():n}.tmp");
        try
        {
            if (Directory.Exists(full)) throw new IOException("a folder has this name");
            try
            {
                using (var stream = new FileStream(temporary, Options(size)))
                {
                    write(stream);
                    stream.Flush(flushToDisk: true);
                }

                File.Move(temporary, full, overwrite: true);
                FolderSync.Flush(Path.GetDirectoryName(full)!);
            }
            finally
            {
                File.Delete(temporary);
            }
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            throw FileErrors.CannotWrite(path, e, size);
        }
    }

    /// <summary>Makes sure, before work that depends on it, that a file can be written: makes one in its folder and removes it.</summary>
    /// <param name="path">The file to be made or replaced later; it is not touched.</param>
    /// <exception cref="ConesException">It cannot be written; the message names it and the remedy.</exception>
    public static void RequireWritable(string path)
    {
        var full = Path.GetFullPath(path);
        try
        {
            if (Directory.Exists(full)) throw new IOException("a folder has this name");
            var probe = Path.Combine(Path.GetDirectoryName(full) ?? full, $".{Guid.NewGuid():n}.tmp");
            using (new FileStream(probe, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose }))
            {
                // That it can be made is all that is asked.
            }
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            throw FileErrors.CannotWrite(path, e, 0);
        }
    }

    static FileStreamOptions Options(long size) => new()
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.Write,
        Share = FileShare.None,
        BufferSize = 1 << 16,
        PreallocationSize = size,
    };
}
