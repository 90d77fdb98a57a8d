using System.Globalization;
using Cones.Models;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cones.Cli.Compare.Plans;

/// <summary>
/// A mapping of a plan's YAML, read strictly: keys that nobody asked for are refused. All messages name the file and the line.
/// </summary>
sealed class PlanMap
{
    readonly string _file;
    readonly string _what;
    readonly YamlMappingNode _node;
    readonly List<string> _known = [];

    PlanMap(string file, string what, YamlMappingNode node) => (_file, _what, _node) = (file, what, node);

    /// <summary>The line that it begins in, from 1.</summary>
    public long Line => _node.Start.Line;

    /// <summary>The keys in the order of the file.</summary>
    public IEnumerable<string> Keys => _node.Children.Keys.Select(KeyText);

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConesException">It cannot be read, is no YAML, or no mapping.</exception>
    public static PlanMap Load(string path)
    {
        try
        {
            using var text = new StringReader(File.ReadAllText(path));
            var stream = new YamlStream();
            stream.Load(text);
            return stream.Documents is [{ RootNode: YamlMappingNode root }]
                ? new PlanMap(path, "a plan", root)
                : throw new ConesException($"{path} holds no plan: write one mapping with title, task, datasets, genres, ... (docs/reproduction has examples)");
        }
        catch (YamlException e)
        {
            throw new ConesException($"{path}:{e.Start.Line}: no valid YAML: {(e.InnerException ?? e).Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read ({e.Message}): name a plan file", e);
        }
    }

    /// <summary>A sentence about a key, with file and line.</summary>
    public ConesException Error(string key, string problem) => new($"{_file}:{(Find(key) ?? _node).Start.Line}: {problem}");

    /// <summary>Text, or null where the key is absent or empty.</summary>
    public string? Text(string key) => Find(Known(key)) switch
    {
        null => null,
        YamlScalarNode scalar => scalar.Value is { Length: > 0 } value && !(value is "~" or "null" && scalar.Style == ScalarStyle.Plain) ? value : null,
        _ => throw Error(key, $"'{key}' is one value, not a list or mapping"),
    };

    /// <summary>Text that must be there.</summary>
    public string RequiredText(string key) => Text(key) ?? throw Error(key, $"{_what} needs '{key}'");

    /// <summary>A number, or null.</summary>
    public double? Number(string key) => Text(key) is { } text ? ParseNumber(key, text) : null;

    /// <summary>A whole number of at least <paramref name="least"/>, or null.</summary>
    public int? Whole(string key, int least = 1) => Text(key) is not { } text ? null
        : int.TryParse(text, CultureInfo.InvariantCulture, out var value) && value >= least ? value
        : throw Error(key, $"'{key}' is '{text}', a whole number of at least {least} was expected");

    /// <summary>A value or a list of values; empty where the key is absent.</summary>
    public IReadOnlyList<string> Texts(string key) => Find(Known(key)) switch
    {
        null => [],
        YamlScalarNode { Value: { Length: > 0 } value } => [value],
        YamlSequenceNode list => [.. list.Select(i => i is YamlScalarNode { Value: { Length: > 0 } value } ? value : throw Error(key, $"'{key}' holds something else than values"))],
        _ => throw Error(key, $"'{key}' is a value or a list of values"),
    };

    /// <summary>A list of numbers; empty where the key is absent.</summary>
    public IReadOnlyList<double> Numbers(string key) => [.. Texts(key).Select(t => ParseNumber(key, t))];

    /// <summary>A list of whole numbers; empty where the key is absent.</summary>
    public IReadOnlyList<long> WholeNumbers(string key) => [.. Texts(key).Select(t =>
        long.TryParse(t, CultureInfo.InvariantCulture, out var value) ? value : throw Error(key, $"'{key}' holds '{t}', a whole number was expected"))];

    /// <summary>A mapping, or null.</summary>
    public PlanMap? Map(string key) => Find(Known(key)) switch
    {
        null => null,
        YamlMappingNode map => new PlanMap(_file, $"'{key}'", map),
        YamlScalarNode { Value: null or "" } => new PlanMap(_file, $"'{key}'", []),
        _ => throw Error(key, $"'{key}' is a mapping (name: value)"),
    };

    /// <summary>A list of mappings, or null.</summary>
    public IReadOnlyList<PlanMap>? Maps(string key) => Find(Known(key)) switch
    {
        null => null,
        YamlSequenceNode list => [.. list.Select(i => i is YamlMappingNode map ? new PlanMap(_file, $"an entry of '{key}'", map) : throw Error(key, $"'{key}' is a list of mappings"))],
        _ => throw Error(key, $"'{key}' is a list of mappings"),
    };

    /// <summary>Refuses all keys but these, before one of them is missed.</summary>
    /// <exception cref="ConesException">There are others; the message lists the known ones.</exception>
    public void Allow(params IEnumerable<string> keys)
    {
        _known.AddRange(keys);
        Done();
    }

    /// <summary>Refuses keys that nobody asked for.</summary>
    /// <exception cref="ConesException">There are some; the message lists the known ones.</exception>
    public void Done()
    {
        foreach (var (node, _) in _node.Children)
        {
            if (_known.Contains(KeyText(node))) continue;
            throw new ConesException($"{_file}:{node.Start.Line}: {_what} has no key '{KeyText(node)}': {string.Join(", ", _known)}");
        }
    }

    double ParseNumber(string key, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : throw Error(key, $"'{key}' holds '{text}', a number was expected");

    string Known(string key)
    {
        if (!_known.Contains(key)) _known.Add(key);
        return key;
    }

    YamlNode? Find(string key) => _node.Children.FirstOrDefault(c => KeyText(c.Key) == key).Value;

    static string KeyText(YamlNode node) => (node as YamlScalarNode)?.Value ?? node.ToString();
}
