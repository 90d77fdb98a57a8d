using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Cones.Models;

namespace Cones.Search;

/// <summary>Search options as JSON: names in snake case, unknown names refused, missing ones at their defaults.</summary>
public static class SearchOptionsJson
{
    static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
    };

    /// <summary>Every option, also those at their default.</summary>
    public static JsonObject ToJson(SearchOptions options) => JsonSerializer.SerializeToNode(options, s_json)!.AsObject();

    /// <summary>Reads options and checks them.</summary>
    /// <param name="json">What <see cref="ToJson"/> gives, or a part of it.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="ConesException">A name or value is wrong.</exception>
    public static SearchOptions FromJson(JsonNode json, string source)
    {
        ArgumentNullException.ThrowIfNull(json);
        SearchOptions options;
        try
        {
            options = json.Deserialize<SearchOptions>(s_json) ?? throw new ConesException($"{source} holds no search options");
        }
        catch (JsonException e)
        {
            throw new ConesException($"{source} holds search options that cannot be read: {e.Message}", e);
        }

        if (options.Problems().FirstOrDefault() is { } problem) throw new ConesException($"{source} cannot be used: {problem}");
        return options;
    }

    /// <summary>
    /// The first option that decides results and differs, as <c>name: stored, now</c>; null where a search with
    /// <paramref name="stored"/> may go on with <paramref name="now"/>. Checkpoints and previews may change, and the number
    /// of steps where the schedule does not depend on it.
    /// </summary>
    internal static string? Difference(SearchOptions stored, SearchOptions now) => Difference(Deciding(stored), Deciding(now), "");

    static JsonObject Deciding(SearchOptions options)
    {
        var defaults = new SearchOptions();
        var json = ToJson(options with
        {
            CheckpointInterval = defaults.CheckpointInterval,
            CheckpointSeconds = defaults.CheckpointSeconds,
            KeepCheckpoints = defaults.KeepCheckpoints,
            PreviewInterval = defaults.PreviewInterval,
        });
        json.Remove("steps");
        if (options.Schedule is { HasEnd: true, TotalSteps: 0 }) json["steps"] = options.Steps; // last: the schedule is named first
        return json;
    }

    /// <summary>The first value that differs, as above, with <paramref name="prefix"/> before its name.</summary>
    internal static string? Difference(JsonObject stored, JsonObject now, string prefix)
    {
        foreach (var name in stored.Select(p => p.Key).Union(now.Select(p => p.Key)))
        {
            var (a, b) = (stored[name], now[name]);
            if (JsonNode.DeepEquals(a, b)) continue;
            if (a is JsonObject x && b is JsonObject y) return Difference(x, y, $"{prefix}{name}.");
            return $"{prefix}{name} was {a?.ToJsonString() ?? "absent"} and is {b?.ToJsonString() ?? "absent"} now";
        }

        return null;
    }
}
