using System.Text.Json;
using Cones.Models.Layers;

namespace Cones.Models.Clip;

/// <summary>What the three configurations share: reading <c>config.json</c> and checking numbers.</summary>
static class ClipConfigJson
{
    static readonly JsonSerializerOptions s_options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Reads a file's JSON with <paramref name="parse"/>; all that is wrong with it names the file.</summary>
    public static T ReadFile<T>(string path, Func<JsonElement, T> parse)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            return parse(document.RootElement);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConesException($"{path} does not exist: name a folder that holds a CLIP model's config.json", e);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new ConesException($"{path} is no usable CLIP configuration: {e.Message}", e);
        }
    }

    /// <summary>The values that <paramref name="json"/> gives, the record's own defaults for the others.</summary>
    public static T Parse<T>(JsonElement json) => json.Deserialize<T>(s_options) ?? throw new ArgumentException("null in place of an object");

    /// <summary>The nested configuration <paramref name="name"/> of a joint model, or an empty object.</summary>
    /// <remarks>Early files repeat it under <c>name_dict</c>, which then replaces the other one (CLIPConfig of transformers).</remarks>
    public static JsonElement Nested(JsonElement json, string name)
    {
        foreach (var key in (ReadOnlySpan<string>)[$"{name}_dict", name])
            if (json.TryGetProperty(key, out var nested) && nested.ValueKind != JsonValueKind.Null)
                return nested;
        return JsonElement.Parse("{}");
    }

    /// <summary>Whether <paramref name="json"/> is the configuration of a joint model.</summary>
    public static bool IsJoint(JsonElement json) =>
        json.TryGetProperty("text_config", out _) || json.TryGetProperty("vision_config", out _)
        || json.TryGetProperty("text_config_dict", out _) || json.TryGetProperty("vision_config_dict", out _);

    public static void Positive(params ReadOnlySpan<(string Name, int Value)> values)
    {
        foreach (var (name, value) in values)
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
    }

    /// <summary>Checks what the layers of both towers need.</summary>
    public static void Encoder(int hiddenSize, int heads, double eps, string activation)
    {
        if (hiddenSize % heads != 0)
            throw new ArgumentException($"hidden_size {hiddenSize} is not a multiple of num_attention_heads {heads}");
        if (!(eps > 0)) throw new ArgumentException($"layer_norm_eps is {eps}, but must be above 0");
        try
        {
            Activations.Named(activation);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"hidden_act: {e.Message}", e);
        }
    }
}
