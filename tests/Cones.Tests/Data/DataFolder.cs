using Cones.Models.Imaging;

namespace Cones.Tests.Data;

/// <summary>A folder for the files of one test.</summary>
sealed class DataFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cones-data-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a text file, with its folders, and returns its path.</summary>
    public string Text(string name, string content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], content);
        return this[name];
    }

    /// <summary>Writes a grey picture, with its folders, and returns its path.</summary>
    public string Image(string name, int width, int height)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        RgbImage.Filled(width, height, new Rgb(90, 90, 90)).Save(this[name]);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
