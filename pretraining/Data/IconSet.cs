using System.Text.Json;
using Cones.Models;

namespace Cones.Pretraining.Data;

/// <summary>The vector drawings of one <c>@iconify-json</c> package.</summary>
sealed class IconSet
{
    readonly JsonElement _set;
    readonly string _file;

    /// <summary>Reads <c>icons.json</c> of the package's folder.</summary>
    /// <exception cref="ConesException">It is missing or broken.</exception>
    public IconSet(string folder)
    {
        _file = Path.Combine(folder, "icons.json");
        try
        {
            _set = JsonDocument.Parse(File.ReadAllBytes(_file)).RootElement;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new ConesException($"{_file} cannot be read ({e.Message}): install the package with npm (pretraining/prepare-data.sh does)", e);
        }
    }

    /// <summary>The whole SVG document of an icon; aliases are followed, mirrored where they say so.</summary>
    /// <exception cref="ConesException">There is no such icon.</exception>
    public string Svg(string icon)
    {
        var (horizontal, vertical) = (false, false);
        while (_set.TryGetProperty("aliases", out var aliases) && aliases.TryGetProperty(icon, out var alias))
        {
            horizontal ^= alias.TryGetProperty("hFlip", out var h) && h.GetBoolean();
            vertical ^= alias.TryGetProperty("vFlip", out var v) && v.GetBoolean();
            icon = alias.GetProperty("parent").GetString()!;
        }

        if (!_set.GetProperty("icons").TryGetProperty(icon, out var drawing)) throw new ConesException($"{_file} has no icon '{icon}': install the version that the index names");
        var (width, height) = (Side(drawing, "width"), Side(drawing, "height"));
        var body = drawing.GetProperty("body").GetString();
        if (horizontal || vertical)
            body = $"""<g transform="translate({(horizontal ? width : 0)} {(vertical ? height : 0)}) scale({(horizontal ? -1 : 1)} {(vertical ? -1 : 1)})">{body}</g>""";
        return $"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {width} {height}">{body}</svg>""";
    }

    // The icon's own size where it has one, else the set's.
    double Side(JsonElement drawing, string name) =>
        drawing.TryGetProperty(name, out var own) ? own.GetDouble() : _set.TryGetProperty(name, out var all) ? all.GetDouble() : 16;
}
