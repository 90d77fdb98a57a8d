using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cones.Models.Weights;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>The options of a search as they are kept with its run, and the digest that tells runs apart.</summary>
public static class SegmentationRunDescription
{
    /// <summary>The resolved options; last those that decide no result.</summary>
    public static JsonObject Describe(SegmentationSearchOptions options)
    {
        var described = Deciding(options);
        described["precision"] = WeightPrecision.NameOf(options.Precision);
        described["model"] = options.Model;
        described["start"] = options.Start;
        described["feature_cache"] = options.Cache.Folder;
        return described;
    }

    /// <summary>The digest of all that decides the losses: the options, the model and the data.</summary>
    public static string Fingerprint(SegmentationSearchOptions options, string model, string data) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Deciding(options).ToJsonString() + model + data + Rounding(options))));

    // float32 adds nothing: a run that began before there was a choice goes on.
    static string Rounding(SegmentationSearchOptions options) => options.Precision == ScalarType.Float32 ? "" : WeightPrecision.NameOf(options.Precision);

    static JsonObject Deciding(SegmentationSearchOptions options)
    {
        var described = Always(options);
        // As with the rounding: a run without goes on.
        if (options.BoxMargin > 0) described["box_margin"] = options.BoxMargin;
        return described;
    }

    static JsonObject Always(SegmentationSearchOptions options) => new()
    {
        ["device"] = options.Device.type.ToString().ToLowerInvariant(),
        ["method"] = options.Method.ToString().ToLowerInvariant(),
        ["classes"] = new JsonArray([.. options.ResolvedClasses.Select(c => (JsonNode)(c.Name == c.Text ? c.Name : $"{c.Name}={c.Text}"))]),
        ["slots"] = options.Slots,
        ["init"] = options.Init.ToString().ToLowerInvariant(),
        ["boxes"] = options.Boxes.ToString().ToLowerInvariant(),
        ["mask_loss"] = options.MaskLoss.ToString().ToLowerInvariant(),
        ["objects"] = options.ObjectsPerImage,
        ["evaluation_objects"] = options.EvaluationObjects,
        ["choose"] = options.ResolvedChoice.ToString().ToLowerInvariant(),
        ["flip"] = options.Flip,
        ["tune_encoder"] = options.TuneEncoder,
        ["train_images"] = options.Train.Images.Count,
        ["validation_images"] = options.Validation?.Images.Count ?? 0,
    };
}
