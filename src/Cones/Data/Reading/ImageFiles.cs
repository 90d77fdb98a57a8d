namespace Cones.Data;

/// <summary>The image files of a folder by name.</summary>
sealed class ImageFiles
{
    // The last ones cannot be decoded here; they are listed so that they are named and not passed over.
    static readonly HashSet<string> s_extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".dng",
    };

    readonly Dictionary<string, string> _byStem = [];
    readonly HashSet<string> _names = [];

    ImageFiles(string folder) => Folder = folder;

    internal string Folder { get; }

    internal static ImageFiles Of(string folder)
    {
        var files = new ImageFiles(folder);
        foreach (var path in List(folder, SearchOption.TopDirectoryOnly))
        {
            files._byStem.TryAdd(Path.GetFileNameWithoutExtension(path), path);
            files._names.Add(Path.GetFileName(path));
        }

        return files;
    }

    /// <summary>The image files of a folder in the order of their names; none where there is no folder.</summary>
    internal static IReadOnlyList<string> List(string folder, SearchOption depth) => Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(folder, "*", depth).Where(IsImage).Order(StringComparer.Ordinal)]
        : [];

    internal static bool IsImage(string path) => s_extensions.Contains(Path.GetExtension(path));

    /// <summary>The image of a name without extension, or null.</summary>
    internal string? Find(string stem) => _byStem.GetValueOrDefault(stem);

    /// <summary>The image of a name with extension, or null.</summary>
    internal string? FindName(string name) => _names.Contains(name) ? Path.Combine(Folder, name) : null;
}
