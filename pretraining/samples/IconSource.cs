using System.Diagnostics;
using System.Text.Json;
using Cones.Models.Imaging;

namespace Cones.Samples;

/// <summary>The drawings of one npm package, rendered over a background.</summary>
sealed class IconSource(string folder)
{
    readonly Lazy<JsonElement> _icons = new(() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "icons.json"))).RootElement);

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
            File.WriteAllText(svg, Svg(icon));
            Run("rsvg-convert", "--width", $"{side}", "--height", $"{side}", "--output", png, svg);
            return RgbImage.Load(png, options);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    // The icon's own size where it has one, else the set's at the end of icons.json.
    string Svg(string icon)
    {
        var set = _icons.Value;
        if (set.TryGetProperty("aliases", out var aliases) && aliases.TryGetProperty(icon, out var alias)) icon = alias.GetProperty("parent").GetString()!;
        var drawing = set.GetProperty("icons").GetProperty(icon);
        int Side(string name) => drawing.TryGetProperty(name, out var own) ? own.GetInt32() : set.GetProperty(name).GetInt32();
        return $"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {Side("width")} {Side("height")}">{drawing.GetProperty("body").GetString()}</svg>""";
    }

    static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} failed with exit code {process.ExitCode}");
    }
}
