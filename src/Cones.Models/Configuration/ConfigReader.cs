using System.Text.Json;

namespace Cones.Models.Configuration;

/// <summary>Reads a checkpoint's JSON configuration; every error names the file, the option and its value.</summary>
public sealed class ConfigReader
{
    readonly JsonElement _root;

    ConfigReader(JsonElement root, string path)
    {
        _root = root;
        Path = path;
    }

    /// <summary>The file, for messages.</summary>
    public string Path { get; }

    /// <summary>Opens a JSON file whose root is an object.</summary>
    /// <exception cref="ConesException">The file cannot be read or is not a JSON object.</exception>
    public static ConfigReader Open(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConesException($"{path} does not exist: is this a model folder?", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads JSON whose root is an object.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="path">Where it came from, for messages.</param>
    /// <exception cref="ConesException">It is not a JSON object.</exception>
    public static ConfigReader Parse(string text, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigReader(document.RootElement.Clone(), path)
                : throw new ConesException($"{path} is not a configuration: a JSON object was expected");
        }
        catch (JsonException e)
        {
            throw new ConesException($"{path} is not valid JSON ({e.Message}): download it again", e);
        }
    }

    /// <summary>The object under <paramref name="name"/>, or null where it is absent or null.</summary>
    public ConfigReader? Child(string name) => Find(name) is { ValueKind: JsonValueKind.Object } child ? new ConfigReader(child, Path) : null;

    /// <summary>Whether the option is present and not null.</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>Whether the option is present with the value null.</summary>
    public bool IsNull(string name) => _root.TryGetProperty(name, out var element) && element.ValueKind == JsonValueKind.Null;

    /// <summary>The elements of a list, or a single value as a list of one; null where it is absent or null.</summary>
    public IReadOnlyList<JsonElement>? Elements(string name) =>
        Find(name) is { } e ? (e.ValueKind == JsonValueKind.Array ? [.. e.EnumerateArray()] : [e]) : null;

    /// <summary>An integer; null means that it must be present.</summary>
    public int Int(string name, int? fallback = null) =>
        Find(name) is { } e ? (e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out var v) ? v : throw Wrong(name, e, "an integer")) : fallback ?? throw Missing(name);

    /// <summary>A number.</summary>
    public double Double(string name, double fallback) =>
        Find(name) is { } e ? (e.ValueKind == JsonValueKind.Number ? e.GetDouble() : throw Wrong(name, e, "a number")) : fallback;

    /// <summary>A truth value.</summary>
    public bool Bool(string name, bool fallback) =>
        Find(name) is { } e ? (e.ValueKind is JsonValueKind.True or JsonValueKind.False ? e.GetBoolean() : throw Wrong(name, e, "true or false")) : fallback;

    /// <summary>A text.</summary>
    public string Text(string name, string fallback) => TextOrNull(name) ?? fallback;

    /// <summary>A text, or null where it is absent or null.</summary>
    public string? TextOrNull(string name) =>
        Find(name) is { } e ? (e.ValueKind == JsonValueKind.String ? e.GetString() : throw Wrong(name, e, "a text")) : null;

    /// <summary>A list of integers.</summary>
    public IReadOnlyList<int> Ints(string name, IReadOnlyList<int> fallback) =>
        Find(name) is { } e ? [.. Items(name, e).Select(i => i.TryGetInt32(out var v) ? v : throw Wrong(name, e, "integers"))] : fallback;

    /// <summary>A list of integers, one for each of <paramref name="count"/> levels; a single integer holds for all.</summary>
    public IReadOnlyList<int> IntsPerLevel(string name, int count, int? fallback)
    {
        var element = Find(name);
        if (element is null) return [.. Enumerable.Repeat(fallback ?? throw Missing(name), count)];
        if (element.Value.ValueKind == JsonValueKind.Number) return [.. Enumerable.Repeat(Int(name), count)];
        var values = Ints(name, []);
        return values.Count == count ? values : throw new ConesException($"{Path}: {name} has {values.Count} entries, {count} levels need {count}");
    }

    /// <summary>A list of truth values, one for each of <paramref name="count"/> levels; a single one holds for all.</summary>
    public IReadOnlyList<bool> BoolsPerLevel(string name, int count, bool fallback)
    {
        if (Find(name) is not { ValueKind: JsonValueKind.Array } list) return [.. Enumerable.Repeat(Bool(name, fallback), count)];
        IReadOnlyList<bool> values = [.. list.EnumerateArray().Select(e => e.ValueKind is JsonValueKind.True or JsonValueKind.False ? e.GetBoolean() : throw Wrong(name, list, "truth values"))];
        return values.Count == count ? values : throw new ConesException($"{Path}: {name} has {values.Count} entries, {count} levels need {count}");
    }

    /// <summary>A list of numbers.</summary>
    public IReadOnlyList<double>? Doubles(string name) =>
        Find(name) is { } e ? [.. Items(name, e).Select(i => i.ValueKind == JsonValueKind.Number ? i.GetDouble() : throw Wrong(name, e, "numbers"))] : null;

    /// <summary>A list of texts.</summary>
    public IReadOnlyList<string> Texts(string name, IReadOnlyList<string> fallback) =>
        Find(name) is { } e ? [.. Items(name, e).Select(i => i.ValueKind == JsonValueKind.String ? i.GetString()! : throw Wrong(name, e, "texts"))] : fallback;

    /// <summary>Refuses an option that is present with another value than the ones that are implemented.</summary>
    /// <param name="name">The option.</param>
    /// <param name="supported">The values, as JSON writes them (<c>false</c>, <c>"default"</c>, <c>1</c>); null is always fine.</param>
    /// <exception cref="ConesException">The value is another.</exception>
    public void RequireOneOf(string name, params ReadOnlySpan<string> supported)
    {
        if (Find(name) is not { } element) return;
        foreach (var value in supported)
        {
            using var document = JsonDocument.Parse(value);
            if (JsonElement.DeepEquals(element, document.RootElement)) return;
            if (element.ValueKind == JsonValueKind.Number && document.RootElement.ValueKind == JsonValueKind.Number
                && element.GetDouble() == document.RootElement.GetDouble()) return;
        }

        var list = supported.Length == 0 ? "it must be absent" : $"supported: {string.Join(", ", supported.ToArray())}";
        throw new ConesException($"{Path}: {name} = {element.GetRawText()} is not supported ({list})");
    }

    JsonElement? Find(string name) =>
        _root.TryGetProperty(name, out var element) && element.ValueKind != JsonValueKind.Null ? element : null;

    IEnumerable<JsonElement> Items(string name, JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : throw Wrong(name, element, "a list");

    ConesException Missing(string name) => new($"{Path}: {name} is missing");

    ConesException Wrong(string name, JsonElement element, string expected) =>
        new($"{Path}: {name} = {element.GetRawText()}, {expected} expected");
}
