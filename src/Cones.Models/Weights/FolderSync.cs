using System.Runtime.InteropServices;

namespace Cones.Models.Weights;

/// <summary>
/// Brings the names in a folder to the disk. A file that was written, flushed and renamed is otherwise there after a power
/// failure under its old name only.
/// </summary>
/// <remarks>Unix; on Windows the file system keeps names in its journal.</remarks>
public static partial class FolderSync
{
    const int ReadOnly = 0;

    /// <summary>Flushes a folder's own entries.</summary>
    /// <returns>Whether the system did it; some file systems cannot.</returns>
    public static bool Flush(string folder)
    {
        if (OperatingSystem.IsWindows()) return false;
        try
        {
            var handle = Open(folder, ReadOnly);
            if (handle < 0) return false;
            var done = Sync(handle) == 0;
            _ = Close(handle);
            return done;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false; // another C library than the usual ones
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
