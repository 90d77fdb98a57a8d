using System.IO.Compression;
using System.Text;
using Cones.Models.Imaging;
using CsCheck;

namespace Cones.Models.Tests.Imaging;

public sealed class ImageFileTests : IDisposable
{
    readonly ImageTestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.png")]
    [InlineData("a.webp")]
    public void Lossless_formats_give_the_pixels_back(string file)
    {
        var image = ImageTestFolder.Pattern(37, 23);
        image.Save(_folder.PathOf(file), new ImageSaveOptions { Quality = 100 });
        var loaded = RgbImage.Load(_folder.PathOf(file));
        Assert.Equal(image.Size, loaded.Size);
        Assert.Equal(image.Pixels, loaded.Pixels);
    }

    [Fact]
    public void Jpeg_gives_nearly_the_pixels_back()
    {
        var image = RgbImage.Filled(40, 30, new Rgb(200, 30, 90));
        image.Save(_folder.PathOf("a.jpg"));
        var loaded = RgbImage.Load(_folder.PathOf("a.jpg"));
        Assert.Equal(image.Size, loaded.Size);
        Assert.All(image.Pixels.Zip(loaded.Pixels), p => Assert.InRange(p.Second - p.First, -3, 3));
    }

    [Fact]
    public void Saving_replaces_a_file_and_leaves_nothing_else()
    {
        var path = _folder.Write("a.png", [1, 2, 3]);
        ImageTestFolder.Pattern(3, 3).Save(path);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(3, RgbImage.Load(path).Width);
    }

    [Fact]
    public void Png_texts_are_kept()
    {
        var texts = new Dictionary<string, string>
        {
            ["parameters"] = "a photo of a cat\nSteps: 20",
            ["Author"] = "José",
            ["prompt"] = "ein Bild von 猫 und 🐈",
            ["empty"] = "",
        };
        var image = ImageTestFolder.Pattern(5, 4);
        image.Save(_folder.PathOf("a.png"), new ImageSaveOptions { Text = texts });
        Assert.Equal(texts.OrderBy(t => t.Key), PngText.Read(_folder.PathOf("a.png")).OrderBy(t => t.Key));
        Assert.Equal(image.Pixels, RgbImage.Load(_folder.PathOf("a.png")).Pixels);
    }

    [Fact]
    public void Compressed_png_texts_are_read_and_damaged_ones_left_out()
    {
        var png = _folder.Encoded(ImageTestFolder.Pattern(5, 4), "a.png");
        png = ImageTestFolder.InsertChunk(png, "zTXt", [.. "z"u8, 0, 0, .. Deflate("caf\u00e9", Encoding.Latin1)]);
        png = ImageTestFolder.InsertChunk(png, "iTXt", [.. "i"u8, 0, 1, 0, .. "en"u8, 0, 0, .. Deflate("猫", Encoding.UTF8)]);
        png = ImageTestFolder.InsertChunk(png, "zTXt", [.. "damaged"u8, 0, 0, 1, 2, 3, 4]);
        png = ImageTestFolder.InsertChunk(png, "iTXt", [.. "short"u8, 0, 1]);
        png = ImageTestFolder.InsertChunk(png, "tEXt", [.. "no end"u8]);
        var texts = PngText.Parse(png);
        Assert.Equal(["i", "z"], texts.Keys.Order());
        Assert.Equal(("café", "猫"), (texts["z"], texts["i"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" a")]
    [InlineData("a  b")]
    [InlineData("猫")]
    public void Impossible_keywords_are_refused(string keyword)
    {
        var options = new ImageSaveOptions { Text = new Dictionary<string, string> { [keyword] = "x" } };
        Assert.Throws<ArgumentException>(() => ImageTestFolder.Pattern(2, 2).Save(_folder.PathOf("a.png"), options));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Png_and_jpeg_of_one_orientation_are_turned_alike(bool littleEndian)
    {
        // Blocks of 8 pixels survive JPEG.
        var image = ImageTestFolder.Pattern(3, 2).Resize(24, 16, ResampleFilter.Nearest);
        var png = _folder.Encoded(image, "plain.png");
        var jpeg = _folder.Encoded(image, "plain.jpg", new ImageSaveOptions { Quality = 100 });
        for (var orientation = 0; orientation <= 9; orientation++)
        {
            var exif = ImageTestFolder.Exif(orientation, littleEndian);
            var fromPng = RgbImage.Load(_folder.Write("a.png", ImageTestFolder.InsertChunk(png, "eXIf", exif)));
            byte[] marker = [0xff, 0xe1, 0, (byte)(exif.Length + 8), .. "Exif\0\0"u8, .. exif];
            var fromJpeg = RgbImage.Load(_folder.Write("a.jpg", [.. jpeg[..2], .. marker, .. jpeg[2..]]));
            Assert.Equal(orientation is >= 5 and <= 8 ? new ImageSize(24, 16) : new ImageSize(16, 24), fromPng.Size);
            Assert.Equal(fromPng.Size, fromJpeg.Size);
            Assert.All(fromPng.Pixels.Zip(fromJpeg.Pixels), p => Assert.InRange(p.Second - p.First, -12, 12));
        }
    }

    [Fact]
    public void The_colour_of_transparent_pixels_stays_or_gives_way_to_the_background()
    {
        var path = _folder.Write("a.gif", ImageTestFolder.TransparentGif());
        Assert.Equal([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255], RgbImage.Load(path).Pixels);
        var composed = RgbImage.Load(path, new ImageLoadOptions { Background = new Rgb(1, 2, 3) });
        Assert.Equal([1, 2, 3, 0, 255, 0, 0, 0, 255, 255, 255, 255], composed.Pixels);
    }

    [Fact]
    public void The_limit_of_pixels_is_the_callers()
    {
        ImageTestFolder.Pattern(20, 10).Save(_folder.PathOf("a.png"));
        var e = Assert.Throws<ConesException>(() => RgbImage.Load(_folder.PathOf("a.png"), new ImageLoadOptions { MaxPixels = 199 }));
        Assert.Contains("20x10 = 200 pixels", e.Message, StringComparison.Ordinal);
        Assert.Equal(20, RgbImage.Load(_folder.PathOf("a.png"), new ImageLoadOptions { MaxPixels = 200 }).Width);
    }

    [Fact]
    public void Files_that_are_no_images_are_refused_by_name()
    {
        Directory.CreateDirectory(_folder.PathOf("folder.png"));
        _folder.Write("empty.png", []);
        _folder.Write("text.jpg", "this is not an image"u8.ToArray());
        foreach (var (file, reason) in new[] { ("missing.png", "does not exist"), ("no/where.png", "does not exist"), ("folder.png", "is a folder"), ("empty.png", "is empty"), ("text.jpg", "is not a PNG") })
        {
            var e = Assert.Throws<ConesException>(() => RgbImage.Load(_folder.PathOf(file)));
            Assert.StartsWith(_folder.PathOf(file) + " " + reason, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Files_without_permission_are_refused_by_name()
    {
        var path = _folder.Write("a.png", [1]);
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
            Assert.Skip("permissions do not hold here");
        else
            File.SetUnixFileMode(path, UnixFileMode.None);
        var e = Assert.Throws<ConesException>(() => RgbImage.Load(path));
        Assert.StartsWith($"{path} may not be read", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.png")]
    [InlineData("a.jpg")]
    [InlineData("a.webp")]
    public void Cut_off_files_are_refused(string file)
    {
        var bytes = _folder.Encoded(ImageTestFolder.Pattern(40, 40), file);
        foreach (var length in new[] { 1, 8, 20, 40, bytes.Length / 4, bytes.Length / 2, bytes.Length * 9 / 10 })
        {
            var path = _folder.Write("cut-" + file, bytes[..length]);
            var e = Assert.Throws<ConesException>(() => RgbImage.Load(path));
            Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Damaged_files_load_or_are_refused_but_never_crash()
    {
        var image = ImageTestFolder.Pattern(16, 12);
        byte[][] files = [_folder.Encoded(image, "a.png"), _folder.Encoded(image, "a.jpg"), _folder.Encoded(image, "a.webp"), ImageTestFolder.TransparentGif()];
        var damage = Gen.Select(Gen.Int[0, files.Length - 1], Gen.Select(Gen.Int[0, 10_000], Gen.Byte).Array[1, 6]);
        damage.Sample(
            (file, changes) =>
            {
                byte[] bytes = [.. files[file]];
                foreach (var (at, value) in changes) bytes[at % bytes.Length] = value;
                var path = _folder.Write("damaged", bytes);
                try
                {
                    RgbImage.Load(path, new ImageLoadOptions { MaxPixels = 1 << 20 });
                }
                catch (ConesException e)
                {
                    return e.Message.StartsWith(path, StringComparison.Ordinal);
                }

                return true;
            },
            iter: 300,
            threads: 1,
            seed: "0000KGXGxGk4");
    }

    [Theory]
    [InlineData("a.tiff", "end its name in")]
    [InlineData("no/where.png", "cannot be written")]
    public void Files_that_cannot_be_written_are_named(string file, string reason)
    {
        var e = Assert.Throws<ConesException>(() => ImageTestFolder.Pattern(2, 2).Save(_folder.PathOf(file)));
        Assert.StartsWith(_folder.PathOf(file), e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    static byte[] Deflate(string text, Encoding encoding)
    {
        using var stream = new MemoryStream();
        using (var zlib = new ZLibStream(stream, CompressionLevel.Fastest)) zlib.Write(encoding.GetBytes(text));
        return stream.ToArray();
    }
}
