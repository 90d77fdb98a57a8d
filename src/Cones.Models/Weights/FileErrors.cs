namespace Cones.Models.Weights;

/// <summary>Turns the exceptions of the file system into messages for the user.</summary>
public static class FileErrors
{
    internal static bool IsFileError(Exception e) => e is IOException or UnauthorizedAccessException or System.Security.SecurityException;

    internal static ConesException CannotRead(string path, Exception e) => new(
        e switch
        {
            _ when Directory.Exists(path) => $"{path} is a folder where a file was expected: name the file in it",
            FileNotFoundException or DirectoryNotFoundException => $"{path} does not exist: check the path",
            UnauthorizedAccessException => $"{path} may not be read: change its permissions",
            _ => $"{path} cannot be read: {e.Message}",
        },
        e);

    /// <param name="path">The file.</param>
    /// <param name="e">What happened.</param>
    /// <param name="size">The bytes that were to be written, or 0 where that is not known.</param>
    internal static ConesException CannotWrite(string path, Exception e, long size) => new(
        e switch
        {
            DirectoryNotFoundException => $"{path} cannot be written, since its folder does not exist: create it or choose another",
            UnauthorizedAccessException => $"{path} may not be written: change the permissions of its folder or choose another",
            _ when IsDiskFull(e) || FreeSpace(path) < size => $"{path} cannot be written, since the disk is full: free some space or choose another disk",
            _ => $"{path} cannot be written ({e.Message}): choose another folder",
        },
        e);

    /// <summary>Whether there was no room left.</summary>
    /// <remarks>ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL as HRESULT; ENOSPC and EDQUOT, which Unix passes on as they are.</remarks>
    public static bool IsDiskFull(Exception e) => e.HResult is unchecked((int)0x80070070) or unchecked((int)0x80070027) or 28 or 122;

    // The error of a file that could not be made in its full size has no code of its own.
    static long FreeSpace(string path)
    {
        try
        {
            return new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path))!).AvailableFreeSpace;
        }
        catch (Exception e) when (IsFileError(e) || e is ArgumentException)
        {
            return long.MaxValue;
        }
    }
}
