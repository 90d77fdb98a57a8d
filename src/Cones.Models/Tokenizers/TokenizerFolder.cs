using System.Text.Json;

namespace Cones.Models.Tokenizers;

/// <summary>
/// A tokenizer folder of transformers or diffusers: reads its JSON files and the settings that both tokenizers share, with
/// errors that name the file.
/// </summary>
sealed class TokenizerFolder
{
    readonly Dictionary<string, JsonElement?> _files = [];

    /// <summary>The folder at <paramref name="path"/>.</summary>
    /// <exception cref="ConesException">There is no such folder.</exception>
    public TokenizerFolder(string path)
    {
        if (!Directory.Exists(path)) throw new ConesException($"{path}: there is no such tokenizer folder; give the folder that holds the vocabulary.");
        Path = path;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>tokenizer_config.json, or null.</summary>
    public JsonElement? Config => Json("tokenizer_config.json");

    /// <summary>A file's path.</summary>
    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Whether the folder holds a file.</summary>
    public bool Has(string name) => File.Exists(PathOf(name));

    /// <summary>The lines of a text file.</summary>
    /// <exception cref="ConesException">It cannot be read.</exception>
    public string[] Lines(string name) => Try(name, () => File.ReadAllLines(PathOf(name)));

    /// <summary>A JSON file's object, or null where there is no such file.</summary>
    /// <exception cref="ConesException">It cannot be read or is not an object.</exception>
    public JsonElement? Json(string name)
    {
        if (_files.TryGetValue(name, out var known)) return known;
        JsonElement? json = null;
        if (Has(name))
        {
            var root = Try(name, () => JsonDocument.Parse(File.ReadAllText(PathOf(name))).RootElement);
            if (root.ValueKind != JsonValueKind.Object) throw Broken(name, $"it holds a JSON {root.ValueKind} where an object is needed");
            json = root;
        }

        return _files[name] = json;
    }

    /// <summary>Runs <paramref name="read"/>, naming the file in the error if the file is not what it should be.</summary>
    public T Try<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException
            or IOException or UnauthorizedAccessException or OverflowException)
        {
            throw Broken(name, e.Message.TrimEnd('.'), e);
        }
    }

    /// <summary>The error for a file that cannot be used.</summary>
    public ConesException Broken(string name, string why, Exception? cause = null)
    {
        var message = $"{PathOf(name)} cannot be used: {why}; fetch the tokenizer folder again.";
        return cause is null ? new ConesException(message) : new ConesException(message, cause);
    }

    /// <summary>A string to id map.</summary>
    /// <exception cref="ConesException">An id is no whole number, is negative or belongs to two strings.</exception>
    public Dictionary<string, int> Vocabulary(string name, JsonElement json) => Try(name, () =>
    {
        var vocabulary = new Dictionary<string, int>();
        foreach (var entry in json.EnumerateObject()) vocabulary[entry.Name] = entry.Value.GetInt32();
        var owners = new Dictionary<int, string>();
        foreach (var (token, id) in vocabulary)
        {
            if (id < 0) throw Broken(name, $"'{token}' has the negative id {id}");
            if (!owners.TryAdd(id, token)) throw Broken(name, $"'{owners[id]}' and '{token}' have the same id {id}");
        }

        return vocabulary;
    });

    /// <summary>model_max_length, or <paramref name="otherwise"/> where it is absent or the library's "no limit" (1e30).</summary>
    /// <exception cref="ConesException">It is less than 2.</exception>
    public int MaxLength(int otherwise)
    {
        if (Config is not { } config || !config.TryGetProperty("model_max_length", out var value) || value.ValueKind == JsonValueKind.Null) return otherwise;
        var length = Try("tokenizer_config.json", value.GetDouble);
        if (length > 1e9) return otherwise;
        return length >= 2 ? (int)length : throw Broken("tokenizer_config.json", $"model_max_length is {length}, and a sequence has at least 2 tokens");
    }

    /// <summary>A true/false setting of tokenizer_config.json, or null.</summary>
    public bool? Flag(string name) =>
        Config is { } config && config.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null;
}
