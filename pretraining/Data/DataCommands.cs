using Cones.Models;
using Cones.Models.Imaging;

namespace Cones.Pretraining.Data;

/// <summary>The steps of <c>prepare-data.sh</c> that are not the work of npm and rsvg-convert.</summary>
static class DataCommands
{
    /// <summary>The npm packages with versions, one a line.</summary>
    public static void ListPackages(TextWriter output)
    {
        foreach (var package in EmojiIndex.Embedded().Packages) output.WriteLine($"{package.Package}@{package.Version}");
    }

    /// <summary>Writes an SVG file for every vector drawing: <c>OUTPUT/style/hexcode.svg</c>.</summary>
    public static void WriteSvg(string modules, string output)
    {
        var index = EmojiIndex.Embedded();
        foreach (var package in index.Packages.Where(p => IsVector(p.Package)))
        {
            var set = new IconSet(Path.Combine(modules, package.Package));
            var folder = Directory.CreateDirectory(Path.Combine(output, package.Style)).FullName;
            foreach (var concept in index.Concepts)
                if (concept.Icons.TryGetValue(package.Style, out var icon))
                    File.WriteAllText(Path.Combine(folder, concept.Hexcode + ".svg"), set.Svg(icon));
        }
    }

    /// <summary>Packs the rendered drawings, <c>RENDERED/style/hexcode.png</c>, and those that are pictures already.</summary>
    public static void Pack(string modules, string rendered, string output)
    {
        var index = EmojiIndex.Embedded();
        var icons = new List<Icon>();
        var pixels = new List<byte[]>();
        foreach (var package in index.Packages)
            for (var c = 0; c < index.Concepts.Count; c++)
            {
                if (!index.Concepts[c].Icons.TryGetValue(package.Style, out var icon)) continue;
                icons.Add(new Icon(c, package.Style));
                pixels.Add(Premultiplied(IsVector(package.Package)
                    ? Path.Combine(rendered, package.Style, index.Concepts[c].Hexcode + ".png")
                    : Path.Combine(modules, package.Package, "assets", icon)));
            }

        new IconPack(index.Concepts, icons, [.. pixels]).Save(output);
    }

    static bool IsVector(string package) => package.StartsWith("@iconify-json/", StringComparison.Ordinal);

    // Over black a pixel is its colour times alpha; over white alpha shows in what is added to that.
    static byte[] Premultiplied(string path)
    {
        var black = Load(path, new Rgb(0, 0, 0)).Pixels;
        var white = Load(path, new Rgb(255, 255, 255)).Pixels;
        var rgba = new byte[IconPack.Side * IconPack.Side * 4];
        for (int from = 0, to = 0; from < black.Length; from += 3, to += 4)
        {
            black.AsSpan(from, 3).CopyTo(rgba.AsSpan(to));
            rgba[to + 3] = (byte)Math.Clamp(255 - (white[from + 1] - black[from + 1]), 0, 255);
        }

        if (rgba.All(v => v == 0)) throw new ConesException($"{path} is blank: render it again");
        return rgba;
    }

    static RgbImage Load(string path, Rgb background)
    {
        var image = RgbImage.Load(path, new ImageLoadOptions { Background = background });
        return image.Width == IconPack.Side && image.Height == IconPack.Side ? image : image.Resize(IconPack.Side, IconPack.Side, ResampleFilter.Box);
    }
}
