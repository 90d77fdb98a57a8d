using System.Globalization;
using System.Text.RegularExpressions;

namespace Cones.Models.Glip.Configuration;

/// <summary>
/// The settings of one of GLIP's YAML files, by their path (<c>MODEL.DYHEAD.CHANNELS</c>): nested mappings with a value on the
/// key's line, as yacs writes and reads them. What else a file holds is passed over.
/// </summary>
sealed partial class YamlSettings
{
    readonly Dictionary<string, string> _values;

    YamlSettings(string path, Dictionary<string, string> values) => (Path, _values) = (path, values);

    /// <summary>The file, for messages.</summary>
    public string Path { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConesException">It cannot be read or holds no settings.</exception>
    public static YamlSettings Open(string path)
    {
        try
        {
            var values = Parse(File.ReadLines(path));
            return values.Count > 0 ? new YamlSettings(path, values) : throw new ConesException($"{path} holds no settings: name one of GLIP's configs/*.yaml");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read: {e.Message}", e);
        }
    }

    public int Int(string name, int fallback) => Convert(name, fallback, "an integer", v => int.Parse(v, CultureInfo.InvariantCulture));

    public double Double(string name, double fallback) => Convert(name, fallback, "a number", v => double.Parse(v, CultureInfo.InvariantCulture));

    public bool Bool(string name, bool fallback) => Convert(name, fallback, "True or False", v => bool.Parse(v));

    public string Text(string name, string fallback) => Convert(name, fallback, "a text", v => v);

    /// <summary>A list <c>[1, 2]</c>, a tuple <c>(1, 2)</c>, or a single number.</summary>
    public IReadOnlyList<double> Numbers(string name, IReadOnlyList<double> fallback) => Convert(name, fallback, "numbers", v =>
        [.. v.Trim('(', ')', '[', ']').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(n => double.Parse(n, CultureInfo.InvariantCulture))]);

    /// <summary>Refuses a setting that has another value than the ones that are implemented.</summary>
    /// <exception cref="ConesException">The value is another.</exception>
    public void RequireOneOf(string name, params ReadOnlySpan<string> supported)
    {
        if (!_values.TryGetValue(name, out var value)) return;
        foreach (var s in supported)
            if (string.Equals(s, value, StringComparison.OrdinalIgnoreCase)) return;
        throw new ConesException($"{Path}: {name} = {value} is not supported (supported: {string.Join(", ", supported.ToArray())})");
    }

    T Convert<T>(string name, T fallback, string expected, Func<string, T> convert)
    {
        if (!_values.TryGetValue(name, out var value)) return fallback;
        try
        {
            return convert(value);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new ConesException($"{Path}: {name} = {value}, {expected} expected", e);
        }
    }

    static Dictionary<string, string> Parse(IEnumerable<string> lines)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var open = new Stack<(int Indent, string Path)>();
        foreach (var line in lines)
        {
            var match = Setting().Match(line);
            if (!match.Success) continue;
            var indent = match.Groups["indent"].Length;
            while (open.Count > 0 && open.Peek().Indent >= indent) open.Pop();
            var path = open.Count > 0 ? $"{open.Peek().Path}.{match.Groups["key"].Value}" : match.Groups["key"].Value;
            var value = Value(match.Groups["rest"].Value);
            if (value.Length == 0) open.Push((indent, path));
            else values[path] = value.Trim('"', '\'');
        }

        return values;
    }

    // Without the comment, which begins at a # outside quotes.
    static string Value(string rest)
    {
        char? quote = null;
        for (var i = 0; i < rest.Length; i++)
        {
            if (quote is null && rest[i] is '"' or '\'') quote = rest[i];
            else if (rest[i] == quote) quote = null;
            else if (quote is null && rest[i] == '#' && (i == 0 || char.IsWhiteSpace(rest[i - 1]))) return rest[..i].Trim();
        }

        return rest.Trim();
    }

    [GeneratedRegex(@"^(?<indent> *)(?<key>[A-Za-z_]\w*) *:(?<rest>( .*)?)$")]
    private static partial Regex Setting();
}
