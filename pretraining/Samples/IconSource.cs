using System.Diagnostics;
using Cones.Models.Imaging;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Samples;

/// <summary>The drawings of one npm package, rendered over a background.</summary>
sealed class IconSource(string folder)
{
    readonly Lazy<IconSet> _icons = new(() => new IconSet(folder));

    /// <summary>An icon as a square picture of <paramref name="side"/> pixels.</summary>
    internal RgbImage Render(string icon, int side, Rgb background)
    {
        // Over a plain background resizing and composing commute, so that transparent edges need no weights.
        var options = new ImageLoadOptions { Background = background };
        if (icon.EndsWith(".webp", StringComparison.Ordinal))
            return RgbImage.Load(Path.Combine(folder, "assets", icon), options).Resize(side, side, ResampleFilter.Lanczos);

        var work = Directory.CreateTempSubdirectory("cones-icon-").FullName;
        try
        {
            var (svg, png) = (Path.Combine(work, "icon.svg"), Path.Combine(work, "icon.png"));
            File.WriteAllText(svg, _icons.Value.Svg(icon));
            Run("rsvg-convert", "--width", $"{side}", "--height", $"{side}", "--output", png, svg);
            return RgbImage.Load(png, options);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} failed with exit code {process.ExitCode}");
    }
}
