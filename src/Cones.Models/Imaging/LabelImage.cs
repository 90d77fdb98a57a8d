namespace Cones.Models.Imaging;

/// <summary>An image of whole numbers, one a pixel: 0 is background, every other number an instance or a class.</summary>
/// <remarks>Files are PNG images of one channel, as segmentation tools exchange them: grey or palette of up to 8 bit, or grey of 16 bit.</remarks>
public sealed class LabelImage
{
    /// <summary>An image over <paramref name="labels"/>, which are not copied.</summary>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="labels">width · height numbers, row after row.</param>
    /// <exception cref="ArgumentException">The size and the number of labels disagree.</exception>
    public LabelImage(int width, int height, ushort[] labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Length != RgbImage.ByteCount(width, height, 1))
            throw new ArgumentException($"{labels.Length} labels given, {width}x{height} pixels need {(long)width * height}", nameof(labels));
        Width = width;
        Height = height;
        Labels = labels;
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The numbers, row after row.</summary>
    public ushort[] Labels { get; }

    /// <summary>
    /// Reads a PNG file of one channel without any conversion: of a palette image the numbers are those of the palette's
    /// entries, of a grey image the stored values.
    /// </summary>
    /// <exception cref="ConesException">The file cannot be read, is damaged, or has colours, transparency or interlaced rows.</exception>
    public static LabelImage Load(string path, ImageLoadOptions? options = null) =>
        LabelPng.Read(path, ImageFile.ReadBytes(path), (options ?? new ImageLoadOptions()).MaxPixels);

    /// <summary>Writes a PNG file: grey of 8 bit where no number exceeds 255, else of 16 bit. A file of that name is replaced once all is written.</summary>
    /// <exception cref="ConesException">The name does not end in .png or the file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Path.GetExtension(path).Equals(".png", StringComparison.OrdinalIgnoreCase))
            throw new ConesException($"{path} cannot be written as a label image: end its name in .png, other formats change numbers");
        ImageFile.WriteBytes(path, LabelPng.Write(this));
    }
}
