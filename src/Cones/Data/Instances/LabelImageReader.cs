using Cones.Data.Masks;
using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Data.Instances;

/// <summary>Reads images with a label image each: a PNG of the same name in which every instance has its own number.</summary>
public static class LabelImageReader
{
    /// <summary>Reads two folders.</summary>
    /// <param name="labelFolder">The label images; one of the same name as each image, ending in .png.</param>
    /// <param name="category">The name of the one class.</param>
    /// <param name="options">How broken records are treated, and the folder of the images, which must be named.</param>
    /// <exception cref="ConesException">A folder does not exist or holds no image.</exception>
    /// <exception cref="DataException">The options are strict and a record is broken.</exception>
    public static DatasetReading Read(string labelFolder, string category, DataReadOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(labelFolder);
        ArgumentNullException.ThrowIfNull(options);
        var folder = options.ImageFolder ?? throw new ConesException($"the images of {labelFolder} are not known: name their folder");
        foreach (var needed in new[] { folder, labelFolder })
            if (!Directory.Exists(needed)) throw new ConesException($"{needed} does not exist: check the path");
        var images = ImageFiles.List(folder, SearchOption.TopDirectoryOnly);
        if (images.Count == 0) throw new ConesException($"{folder} holds no image: check the path");

        var builder = new DatasetBuilder(labelFolder, options);
        builder.AddCategory(new DatasetCategory(1, category));
        var read = new LabelFile[images.Count];
        Parallel.For(0, read.Length, i => read[i] = LabelFile.Read(images[i], labelFolder));
        for (var i = 0; i < read.Length; i++)
        {
            var name = Path.GetFileName(images[i]);
            if (read[i].Problem is { } kind) builder.SkipImage(i + 1, kind, $"image {name} {read[i].Reason}");
            else builder.AddImage(new DatasetImage { Id = i + 1, FileName = name, Path = images[i], Width = read[i].Size.Width, Height = read[i].Size.Height });
        }

        builder.FinishImages(filesAreKnown: true);
        long annotations = 0;
        for (var i = 0; i < read.Length; i++)
            foreach (var (label, mask) in read[i].Masks)
                builder.AddAnnotation($"instance {label}", i + 1, DsbReader.Instance(++annotations, mask), read[i].Path);
        return builder.Build();
    }

    /// <summary>The instances of one image, or why it cannot be used: without its labels it would teach that it is empty.</summary>
    sealed record LabelFile(string Path, ImageSize Size, IReadOnlyList<(int Label, RleMask Mask)> Masks, DataProblemKind? Problem, string Reason)
    {
        internal static LabelFile Read(string image, string labelFolder)
        {
            var path = System.IO.Path.Combine(labelFolder, System.IO.Path.GetFileNameWithoutExtension(image) + ".png");
            if (!File.Exists(path)) return Broken(DataProblemKind.MissingFile, $"has no label image {path}");
            try
            {
                var size = ImageHeader.ReadSize(image);
                var labels = LabelImage.Load(path);
                return labels.Width == size.Width && labels.Height == size.Height
                    ? new LabelFile(path, size, LabelMasks.Split(labels), null, "")
                    : Broken(DataProblemKind.WrongImageSize, $"is {size.Width}x{size.Height}, its label image {path} {labels.Width}x{labels.Height}");
            }
            catch (ConesException e)
            {
                return Broken(DataProblemKind.UnreadableImage, $"cannot be used: {e.Message}");
            }

            LabelFile Broken(DataProblemKind kind, string reason) => new(path, default, [], kind, reason);
        }
    }
}
