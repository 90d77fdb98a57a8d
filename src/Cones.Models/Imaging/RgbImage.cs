using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Imaging;

/// <summary>An image of 8 bit RGB pixels in managed memory.</summary>
public sealed class RgbImage
{
    /// <summary>A black image.</summary>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    public RgbImage(int width, int height)
        : this(width, height, new byte[ByteCount(width, height, 3)])
    {
    }

    /// <summary>An image over <paramref name="pixels"/>, which are not copied.</summary>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="pixels">Row after row, R G B a pixel: 3 · width · height bytes.</param>
    /// <exception cref="ArgumentException">The size and the number of bytes disagree.</exception>
    public RgbImage(int width, int height, byte[] pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.Length != ByteCount(width, height, 3))
            throw new ArgumentException($"{pixels.Length} bytes given, {width}x{height} pixels need {3L * width * height}", nameof(pixels));
        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Height and width.</summary>
    public ImageSize Size => new(Height, Width);

    /// <summary>The pixels, row after row, R G B a pixel. Writing changes the image.</summary>
    public byte[] Pixels { get; }

    /// <summary>One pixel.</summary>
    /// <param name="x">Column from the left.</param>
    /// <param name="y">Row from the top.</param>
    public Rgb this[int x, int y]
    {
        get
        {
            var at = Offset(x, y);
            return new Rgb(Pixels[at], Pixels[at + 1], Pixels[at + 2]);
        }

        set
        {
            var at = Offset(x, y);
            (Pixels[at], Pixels[at + 1], Pixels[at + 2]) = (value.R, value.G, value.B);
        }
    }

    /// <summary>Reads a PNG, JPEG, WebP, BMP or GIF file (of an animation the first frame), turned upright by its EXIF orientation.</summary>
    /// <exception cref="ConesException">The file cannot be read, is damaged, or is larger than the options allow.</exception>
    public static RgbImage Load(string path, ImageLoadOptions? options = null) => ImageFile.Load(path, options);

    /// <summary>Writes a PNG, JPEG or WebP file, by the extension. A file of that name is replaced once all is written.</summary>
    /// <exception cref="ConesException">The extension is another, or the file cannot be written.</exception>
    public void Save(string path, ImageSaveOptions? options = null) => ImageFile.Save(this, path, options);

    /// <summary>An image of one colour.</summary>
    public static RgbImage Filled(int width, int height, Rgb color)
    {
        var image = new RgbImage(width, height);
        image.Fill(color);
        return image;
    }

    /// <summary>Paints the whole image.</summary>
    public void Fill(Rgb color)
    {
        for (var i = 0; i < Pixels.Length; i += 3) (Pixels[i], Pixels[i + 1], Pixels[i + 2]) = (color.R, color.G, color.B);
    }

    /// <summary>Copies <paramref name="image"/> to (x, y); what lies outside is cut off.</summary>
    public void Paste(RgbImage image, int x, int y)
    {
        ArgumentNullException.ThrowIfNull(image);
        var left = Math.Max(0, x);
        var right = (int)Math.Min(Width, (long)x + image.Width);
        var bottom = (int)Math.Min(Height, (long)y + image.Height);
        if (right <= left) return;
        for (var row = Math.Max(0, y); row < bottom; row++)
            image.Pixels.AsSpan(((((row - y) * image.Width) + left) - x) * 3, (right - left) * 3).CopyTo(Pixels.AsSpan(((row * Width) + left) * 3));
    }

    /// <summary>A part of the image.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It does not lie inside.</exception>
    public RgbImage Crop(int x, int y, int width, int height)
    {
        if (x < 0 || y < 0 || width < 1 || height < 1 || width > Width - x || height > Height - y)
            throw new ArgumentOutOfRangeException(nameof(width), $"a part of {width}x{height} at ({x},{y}) does not lie inside {Width}x{Height}");
        var part = new RgbImage(width, height);
        part.Paste(this, -x, -y);
        return part;
    }

    /// <summary>The mirror image, left and right exchanged.</summary>
    public RgbImage FlipHorizontal() => new(Width, Height, Orientation.Apply(Pixels, Width, Height, 3, Orientation.MirrorHorizontal));

    /// <summary>Resizes as Pillow does, bit for bit; see <see cref="PilResize"/>.</summary>
    public RgbImage Resize(int width, int height, ResampleFilter filter = ResampleFilter.Bicubic) =>
        new(width, height, PilResize.Resize(Pixels, Width, Height, 3, width, height, filter));

    /// <summary>Puts images in rows and columns, each centred in a cell as large as the largest.</summary>
    /// <param name="images">The images, row after row; at least one.</param>
    /// <param name="columns">Images a row, at least 1.</param>
    /// <param name="padding">Pixels around and between the cells.</param>
    /// <param name="background">The colour between; default white.</param>
    public static RgbImage Grid(IReadOnlyList<RgbImage> images, int columns, int padding = 2, Rgb? background = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0) throw new ArgumentException("a grid needs at least one image", nameof(images));
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        columns = Math.Min(columns, images.Count);
        var rows = (images.Count + columns - 1) / columns;
        var cellWidth = images.Max(i => i.Width);
        var cellHeight = images.Max(i => i.Height);
        var grid = Filled(
            checked((columns * (cellWidth + padding)) + padding),
            checked((rows * (cellHeight + padding)) + padding),
            background ?? Rgb.White);
        for (var i = 0; i < images.Count; i++)
        {
            var x = padding + (i % columns * (cellWidth + padding)) + ((cellWidth - images[i].Width) / 2);
            var y = padding + (i / columns * (cellHeight + padding)) + ((cellHeight - images[i].Height) / 2);
            grid.Paste(images[i], x, y);
        }

        return grid;
    }

    /// <summary>The pixels as a tensor of bytes, [H, W, 3].</summary>
    public Tensor ToTensor() => ByteTensors.Create(Pixels, Height, Width, 3);

    /// <summary>The image of a tensor of bytes.</summary>
    /// <param name="pixels">[H, W, 3], uint8, on any device.</param>
    /// <exception cref="ArgumentException">Another shape or type.</exception>
    public static RgbImage FromTensor(Tensor pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.dtype != ScalarType.Byte || pixels.dim() != 3 || pixels.shape[2] != 3)
            throw new ArgumentException($"{pixels.dtype} [{string.Join(",", pixels.shape)}] given, Byte [H,W,3] expected", nameof(pixels));
        return new RgbImage((int)pixels.shape[1], (int)pixels.shape[0], ByteTensors.Read(pixels));
    }

    /// <summary>The number of bytes of an image, checked to be possible in managed memory.</summary>
    internal static int ByteCount(int width, int height, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        var count = (Int128)width * height * channels;
        if (count > Array.MaxLength) throw new ArgumentOutOfRangeException(nameof(width), $"{width}x{height} pixels are more than one array can hold");
        return (int)count;
    }

    int Offset(int x, int y)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(x);
        ArgumentOutOfRangeException.ThrowIfNegative(y);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(x, Width);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(y, Height);
        return ((y * Width) + x) * 3;
    }
}
