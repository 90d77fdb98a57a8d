using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cones.Models.Weights;

namespace Cones.Cli.Compare.Jobs;

/// <summary>SHA-256 of files and folders; those of large files are remembered by size and time of change.</summary>
/// <param name="memory">The file that remembers them, or null.</param>
sealed class FileDigests(string? memory)
{
    const long Large = 16 << 20;
    static readonly HashSet<string> s_forPeople = new(StringComparer.OrdinalIgnoreCase) { ".md", ".png", ".jpg", ".jpeg", ".svg" };
    readonly Dictionary<(string Path, bool IsModel), string> _known = [];
    readonly Dictionary<string, string> _remembered = Read(memory);

    /// <summary>The digest of a file's content, or of all files below a folder with their names; 64 hexadecimal digits.</summary>
    public string Of(string path) => Of(path, isModel: false);

    /// <summary>The digest of a model, as <see cref="Of(string)"/>, without what only people read of it: a card that is mended, or its curves, make no run stale.</summary>
    public string OfModel(string path) => Of(path, isModel: true);

    /// <summary>Keeps the digests of large files for the next time.</summary>
    public void Remember()
    {
        if (memory is not null && _remembered.Count > 0) AtomicFile.Write(memory, s => JsonSerializer.Serialize(s, _remembered));
    }

    string Of(string path, bool isModel)
    {
        if (_known.TryGetValue((path, isModel), out var known)) return known;
        return _known[(path, isModel)] = Directory.Exists(path) ? OfFolder(path, isModel) : OfFile(new FileInfo(path));
    }

    string OfFolder(string folder, bool isModel)
    {
        var text = new StringBuilder();
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => !isModel || !s_forPeople.Contains(Path.GetExtension(f))).Order(StringComparer.Ordinal))
            text.Append(Path.GetRelativePath(folder, path).Replace('\\', '/')).Append('\0').Append(OfFile(new FileInfo(path))).Append('\n');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    string OfFile(FileInfo file)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"{file.FullName}|{file.Length}|{file.LastWriteTimeUtc.Ticks}");
        if (file.Length >= Large && _remembered.TryGetValue(key, out var remembered)) return remembered;
        using var stream = file.OpenRead();
        var digest = Convert.ToHexStringLower(SHA256.HashData(stream));
        if (file.Length >= Large) _remembered[key] = digest;
        return digest;
    }

    static Dictionary<string, string> Read(string? file)
    {
        try
        {
            return file is not null && File.Exists(file) ? JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllBytes(file)) ?? [] : [];
        }
        catch (JsonException)
        {
            return []; // only a memory: everything can be read again
        }
    }
}
