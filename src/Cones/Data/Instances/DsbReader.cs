using Cones.Data.Masks;
using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Data.Instances;

/// <summary>
/// Reads instance masks in the layout of the 2018 Data Science Bowl (BBBC038): a folder for each image, with the image in
/// <c>images/</c> and a PNG of 0 and 255 for each instance in <c>masks/</c>.
/// </summary>
public static class DsbReader
{
    /// <summary>Whether a folder has the layout.</summary>
    public static bool Matches(string folder) => Directory.Exists(folder) && Folders(folder).Any();

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">The folder of the images' folders, e.g. <c>stage1_train</c>.</param>
    /// <param name="category">The name of the one class.</param>
    /// <param name="options">How broken records are treated; null skips them.</param>
    /// <exception cref="ConesException">The folder does not exist or has another layout.</exception>
    /// <exception cref="DataException">The options are strict and a record is broken.</exception>
    public static DatasetReading Read(string folder, string category = "nucleus", DataReadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var folders = Directory.Exists(folder) ? Folders(folder).ToArray() : throw new ConesException($"{folder} does not exist: check the path");
        if (folders.Length == 0) throw new ConesException($"{folder} has no folder with images/ and masks/ in it: name the folder of the images' folders");

        var builder = new DatasetBuilder(folder, options ?? new DataReadOptions());
        builder.AddCategory(new DatasetCategory(1, category));
        var images = Array.ConvertAll(folders, f => ImageFiles.List(Path.Combine(f, "images"), SearchOption.TopDirectoryOnly));
        var probes = ImageProbe.Read([.. images.Select(i => i is [var first, ..] ? first : "")]);
        for (var i = 0; i < folders.Length; i++)
        {
            var size = probes[i].Size;
            if (images[i].Count != 1)
                builder.SkipImage(i + 1, DataProblemKind.MissingFile, $"{images[i].Count} images, one is needed", Path.Combine(folders[i], "images"));
            else if (probes[i].Problem is { } kind)
                builder.SkipImage(i + 1, kind, $"the image cannot be used: {probes[i].Reason}", folders[i]);
            else
                builder.AddImage(new DatasetImage { Id = i + 1, FileName = Relative(folder, images[i][0]), Path = images[i][0], Width = size.Width, Height = size.Height });
        }

        builder.FinishImages(filesAreKnown: true);
        var masks = Array.ConvertAll(folders, f => ImageFiles.List(Path.Combine(f, "masks"), SearchOption.TopDirectoryOnly));
        long annotations = 0;
        for (var i = 0; i < folders.Length; i++)
        {
            if (images[i].Count != 1 || probes[i].Problem is not null) continue;
            var read = new MaskFile[masks[i].Count];
            var (paths, size) = (masks[i], probes[i].Size);
            Parallel.For(0, read.Length, k => read[k] = MaskFile.Read(paths[k], size));
            foreach (var mask in read)
            {
                annotations++;
                if (mask.Problem is { } kind) builder.Problem(kind, mask.Reason, file: mask.Path);
                else builder.AddAnnotation("the mask", i + 1, Instance(annotations, mask.Mask!), mask.Path);
            }
        }

        return builder.Build();
    }

    /// <summary>An annotation of class 1 with a mask's own box and area.</summary>
    internal static DatasetAnnotation Instance(long id, RleMask mask) =>
        new() { Id = id, CategoryId = 1, Box = mask.Box, Area = mask.Area, Segmentation = Segmentation.FromMask(mask) };

    static string Relative(string folder, string path) => Path.GetRelativePath(folder, path).Replace('\\', '/');

    static IEnumerable<string> Folders(string folder) => Directory.EnumerateDirectories(folder)
        .Where(f => Directory.Exists(Path.Combine(f, "images")) && Directory.Exists(Path.Combine(f, "masks")))
        .Order(StringComparer.Ordinal);

    /// <summary>One mask file, or why it cannot be used.</summary>
    sealed record MaskFile(string Path, RleMask? Mask, DataProblemKind? Problem, string Reason)
    {
        internal static MaskFile Read(string path, ImageSize size)
        {
            try
            {
                var image = MaskImage.Load(path);
                if (image.Width != size.Width || image.Height != size.Height)
                    return new MaskFile(path, null, DataProblemKind.InvalidSegmentation, $"the mask is {image.Width}x{image.Height}, its image {size.Width}x{size.Height}");
                var mask = RleMask.Encode(image);
                return mask.Area > 0
                    ? new MaskFile(path, mask, null, "")
                    : new MaskFile(path, null, DataProblemKind.Empty, "the mask is empty");
            }
            catch (ConesException e)
            {
                return new MaskFile(path, null, DataProblemKind.UnreadableImage, e.Message);
            }
        }
    }
}
