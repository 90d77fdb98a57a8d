using System.Security.Cryptography;

namespace Cones.Models.Native;

/// <summary>Keeps one patched copy of a library on disk, safe against other processes that do the same at the same time.</summary>
static class PatchedLibrary
{
    /// <summary>
    /// Returns a copy of <paramref name="original"/> in which <paramref name="version"/> is weak. The copy lies beside the
    /// original, or in <paramref name="fallbackFolder"/> where that folder cannot be written.
    /// </summary>
    /// <returns>The copy's path, or null where the original does not need <paramref name="version"/>.</returns>
    public static string? EnsureCopy(string original, string version, string fallbackFolder)
    {
        var image = File.ReadAllBytes(original);
        if (ElfVersionPatch.MarkWeak(image, version) == 0) return null;

        // The name carries the hash of what must be in the file: another TorchSharp version never meets a stale copy.
        var hash = Convert.ToHexStringLower(SHA256.HashData(image));
        var name = $"{Path.GetFileNameWithoutExtension(original)}.{hash[..12]}.so";
        var folder = Path.GetDirectoryName(Path.GetFullPath(original))!;
        try
        {
            return EnsureContent(Path.Combine(folder, name), image, hash);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            Directory.CreateDirectory(fallbackFolder);
            return EnsureContent(Path.Combine(fallbackFolder, name), image, hash);
        }
    }

    static string EnsureContent(string path, byte[] content, string hash)
    {
        if (File.Exists(path) && HashOf(path) == hash) return path;

        var temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }

        return path;
    }

    static string HashOf(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
