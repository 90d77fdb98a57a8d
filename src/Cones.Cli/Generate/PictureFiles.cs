using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Weights;

namespace Cones.Cli.Generate;

/// <summary>Writes drawn pictures with the settings that drew them: one grid, or a file each.</summary>
/// <param name="output">The file; of separate pictures the name before the seed.</param>
/// <param name="separate">Whether each picture gets a file.</param>
/// <param name="columns">Columns of the grid; 0: as square as possible.</param>
sealed class PictureFiles(string output, bool separate, int columns)
{
    static readonly string[] s_extensions = [".png", ".jpg", ".jpeg", ".webp"];

    /// <summary>Checks, before anything is drawn, that the files can be written.</summary>
    /// <exception cref="ConesException">They cannot; the message says what to do.</exception>
    public void Check()
    {
        if (output.Length == 0) throw new ConesException("the name of the picture is empty: name a file such as dog.png (--output)");
        if (Directory.Exists(output)) throw new ConesException($"{output} is a folder: name a file in it, such as {Path.Combine(output, "generated.png")} (--output)");
        if (!s_extensions.Contains(Path.GetExtension(output).ToLowerInvariant()))
            throw new ConesException($"{output} cannot be written as an image: end its name in .png, .jpg or .webp (--output)");
        if (columns < 0) throw new ConesException($"{columns} columns asked for, at least 0 are needed (--columns; 0: as square as possible)");
        AtomicFile.RequireWritable(output);
    }

    /// <summary>Writes the pictures.</summary>
    /// <param name="images">The pictures.</param>
    /// <param name="seed">The seed of the first.</param>
    /// <param name="settings">What PNG files say of them.</param>
    public IReadOnlyList<GenerateReport.Picture> Save(IReadOnlyList<RgbImage> images, ulong seed, IReadOnlyDictionary<string, string> settings)
    {
        ulong[] seeds = [.. images.Select((_, i) => seed + (ulong)i)];
        if (!separate)
        {
            var shown = images.Count == 1 ? $"{seed}" : $"{seed} to {seeds[^1]}";
            Write(RgbImage.Grid(images, columns > 0 ? columns : (int)Math.Ceiling(Math.Sqrt(images.Count))), output, shown);
            return [new(output, seeds)];
        }

        var pictures = new List<GenerateReport.Picture>();
        foreach (var (image, own) in images.Zip(seeds))
        {
            var path = Path.Combine(Path.GetDirectoryName(output) ?? "", $"{Path.GetFileNameWithoutExtension(output)}-{own}{Path.GetExtension(output)}");
            Write(image, path, $"{own}");
            pictures.Add(new(path, [own]));
        }

        return pictures;

        void Write(RgbImage image, string path, string shown) =>
            image.Save(path, new ImageSaveOptions { Text = new Dictionary<string, string>(settings) { ["seed"] = shown } });
    }
}
