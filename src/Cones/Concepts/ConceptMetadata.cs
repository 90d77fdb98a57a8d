using System.Globalization;
using System.Text.Json;
using Cones.Models;
using Cones.Prompts;
using Cones.Prompts.Detection;

namespace Cones.Concepts;

/// <summary>Where a concept comes from and what it fits: the metadata of a concept file, format version 1.</summary>
public sealed record ConceptMetadata
{
    /// <summary>The format version that this library writes.</summary>
    public const int FormatVersion = 1;

    const string FormatName = "cones.concept";

    /// <summary>The genre that found it: <c>concept</c>, <c>pseudo-word</c>, <c>words</c>, ...</summary>
    public required string Method { get; init; }

    /// <summary>The task: <c>generation</c>, <c>detection</c>, <c>segmentation</c>.</summary>
    public required string Task { get; init; }

    /// <summary>The model family, e.g. <c>stable-diffusion</c>.</summary>
    public required string ModelFamily { get; init; }

    /// <summary>The model's fingerprint (<see cref="ModelFingerprint"/>), 64 hexadecimal digits.</summary>
    public required string ModelFingerprint { get; init; }

    /// <summary>Where the vectors go.</summary>
    public required SlotRule SlotRule { get; init; }

    /// <summary>The text that stands in for the placeholder when a prompt is encoded, e.g. <c>dog</c>.</summary>
    public required string BaseText { get; init; }

    /// <summary>How the vectors were initialised, in words.</summary>
    public string Init { get; init; } = "";

    /// <summary>The optimiser steps made.</summary>
    public int Steps { get; init; }

    /// <summary>The seed.</summary>
    public long Seed { get; init; }

    /// <summary>SHA-256 of the training data, 64 hexadecimal digits.</summary>
    public string DataDigest { get; init; } = "";

    /// <summary>The program that wrote the file.</summary>
    public string ToolVersion { get; init; } = "";

    /// <summary>Scores by name, e.g. <c>evaluation_loss</c>.</summary>
    public IReadOnlyDictionary<string, double> Scores { get; init; } = new Dictionary<string, double>();

    /// <summary>The classes of a detector's caption in their order, with the words that were encoded; empty for other tasks.</summary>
    public IReadOnlyList<ClassPrompt> Classes { get; init; } = [];

    /// <summary>The slots of each class, where the file holds a whole caption; else empty.</summary>
    public IReadOnlyList<IReadOnlyList<int>> ClassSlots { get; init; } = [];

    /// <summary>The number of classes in each caption, where they did not fit into one; else empty.</summary>
    public IReadOnlyList<int> Captions { get; init; } = [];

    /// <summary>Metadata as a safetensors file holds it: text by name.</summary>
    public IReadOnlyDictionary<string, string> ToDictionary()
    {
        var text = CommonValues();
        if (Classes.Count > 0) text["classes"] = JsonSerializer.Serialize(Classes.Select(c => new[] { c.Name, c.Text }));
        if (ClassSlots.Count > 0) text["class_slots"] = JsonSerializer.Serialize(ClassSlots);
        if (Captions.Count > 0) text["captions"] = JsonSerializer.Serialize(Captions);
        return text;
    }

    SortedDictionary<string, string> CommonValues() => new(StringComparer.Ordinal)
    {
        ["format"] = FormatName,
        ["format_version"] = FormatVersion.ToString(CultureInfo.InvariantCulture),
        ["method"] = Method,
        ["task"] = Task,
        ["model_family"] = ModelFamily,
        ["model_fingerprint"] = ModelFingerprint,
        ["slot_rule"] = SlotRules.NameOf(SlotRule),
        ["base_text"] = BaseText,
        ["init"] = Init,
        ["steps"] = Steps.ToString(CultureInfo.InvariantCulture),
        ["seed"] = Seed.ToString(CultureInfo.InvariantCulture),
        ["data_digest"] = DataDigest,
        ["tool_version"] = ToolVersion,
        ["scores"] = JsonSerializer.Serialize(new SortedDictionary<string, double>(Scores.ToDictionary(), StringComparer.Ordinal)),
    };

    /// <summary>Reads what <see cref="ToDictionary"/> wrote.</summary>
    /// <param name="metadata">The file's metadata.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="ConesException">The file is no concept, or of a later format.</exception>
    public static ConceptMetadata Parse(IReadOnlyDictionary<string, string> metadata, string path)
    {
        if (!metadata.TryGetValue("format", out var format) || format != FormatName)
            throw new ConesException($"{path} is not a concept file; `cones concept convert` reads embeddings of other programs");
        if (!int.TryParse(Text("format_version"), CultureInfo.InvariantCulture, out var version) || version is < 1 or > FormatVersion)
            throw new ConesException($"{path} has concept format version '{Text("format_version")}', this program reads up to {FormatVersion}: update cones");
        return new ConceptMetadata
        {
            Method = Text("method"),
            Task = Text("task"),
            ModelFamily = Text("model_family"),
            ModelFingerprint = Text("model_fingerprint"),
            SlotRule = SlotRules.Find(Text("slot_rule"))
                ?? throw new ConesException($"{path} has the unknown slot rule '{Text("slot_rule")}': update cones"),
            BaseText = Text("base_text"),
            Init = Text("init"),
            Steps = Number<int>("steps"),
            Seed = Number<long>("seed"),
            DataDigest = Text("data_digest"),
            ToolVersion = Text("tool_version"),
            Scores = ParseScores(Text("scores"), path),
            Classes = ParseClasses(Text("classes"), path),
            ClassSlots = ParseSlots(Text("class_slots"), path),
            Captions = ParseCaptions(Text("captions"), path),
        };

        string Text(string key) => metadata.GetValueOrDefault(key, "");

        T Number<T>(string key)
            where T : struct, IParsable<T> =>
            Text(key) is "" ? default
            : T.TryParse(Text(key), CultureInfo.InvariantCulture, out var value) ? value
            : throw new ConesException($"{path} is damaged: '{key}' is '{Text(key)}', a number was expected");
    }

    static ClassPrompt[] ParseClasses(string json, string path)
    {
        if (json.Length == 0) return [];
        try
        {
            var pairs = JsonSerializer.Deserialize<string[][]>(json) ?? [];
            if (pairs.All(p => p is [not null, not null])) return [.. pairs.Select(p => new ClassPrompt(p[0], p[1]))];
        }
        catch (JsonException e)
        {
            throw new ConesException($"{path} is damaged: its classes are not JSON", e);
        }

        throw new ConesException($"{path} is damaged: its classes are no pairs of name and words");
    }

    static int[][] ParseSlots(string json, string path)
    {
        try
        {
            return json.Length == 0 ? [] : JsonSerializer.Deserialize<int[][]>(json) ?? [];
        }
        catch (JsonException e)
        {
            throw new ConesException($"{path} is damaged: the slots of its classes are not JSON", e);
        }
    }

    static int[] ParseCaptions(string json, string path)
    {
        try
        {
            return json.Length == 0 ? [] : JsonSerializer.Deserialize<int[]>(json) ?? [];
        }
        catch (JsonException e)
        {
            throw new ConesException($"{path} is damaged: the numbers of its captions' classes are not JSON", e);
        }
    }

    static Dictionary<string, double> ParseScores(string json, string path)
    {
        if (json.Length == 0) return [];
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, double>>(json) ?? [];
        }
        catch (JsonException e)
        {
            throw new ConesException($"{path} is damaged: its scores are not JSON", e);
        }
    }
}
