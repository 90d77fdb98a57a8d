using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cones.Models.Weights;
using Cones.Prompts.Detection;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>The options of a search as they are kept with its run, and the digest that tells runs apart.</summary>
public static class DetectionRunDescription
{
    /// <summary>The resolved options; last those that decide no result.</summary>
    public static JsonObject Describe(DetectionSearchOptions options)
    {
        var described = Deciding(options);
        described["precision"] = WeightPrecision.NameOf(options.Precision);
        described["model"] = options.Model;
        described["feature_memory"] = options.FeatureMemoryBytes;
        if (options.From is not null) described["from"] = options.From;
        return described;
    }

    /// <summary>The digest of all that decides the losses: the options, the model and the data.</summary>
    public static string Fingerprint(DetectionSearchOptions options, string model, string data) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Deciding(options).ToJsonString() + model + data + Rounding(options))));

    // float32 adds nothing: a run that began before there was a choice goes on.
    static string Rounding(DetectionSearchOptions options) => options.Precision == ScalarType.Float32 ? "" : WeightPrecision.NameOf(options.Precision);

    // Two files of one name may differ: their bytes count.
    static JsonObject Deciding(DetectionSearchOptions options) => new()
    {
        ["device"] = options.Device.type.ToString().ToLowerInvariant(),
        ["method"] = options.Method.ToString().ToLowerInvariant(),
        ["classes"] = new JsonArray([.. options.ResolvedClasses.Select(c => (JsonNode)(c.Name == c.Text ? c.Name : $"{c.Name}={c.Text}"))]),
        ["candidates"] = new JsonArray([.. options.Candidates.Select(c => (JsonNode)$"{c.Key}={string.Join('|', c.Value)}")]),
        ["slots"] = options.Slots,
        ["init"] = options.Init.ToString().ToLowerInvariant(),
        ["background"] = options.Background.ToString().ToLowerInvariant(),
        ["background_slots"] = options.Background is BackgroundKind.Shared or BackgroundKind.PerClass ? options.BackgroundCount : 0,
        ["norm_bound"] = options.NormBound,
        ["start"] = options.From is null ? null : Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(options.From))),
        ["flip"] = options.Flip,
        ["augmentation"] = options.Augments,
        ["views"] = options.KeptViews,
        ["choice"] = options.ResolvedChoice.ToString().ToLowerInvariant(),
        ["train_images"] = options.Train.Images.Count,
        ["validation_images"] = options.Validation?.Images.Count ?? 0,
    };
}
