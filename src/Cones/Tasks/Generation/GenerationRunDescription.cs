using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cones.Models.Weights;
using Cones.Prompts;

namespace Cones.Tasks.Generation;

/// <summary>The options of a search as they are kept with its run, and the digest that tells runs apart.</summary>
public static class GenerationRunDescription
{
    // Where the files lie and how memory is used decides no result.
    static readonly string[] s_ignored = ["images", "masks", "latent_memory"];

    /// <summary>The resolved options; last those that decide no result, so that a comparison names a deciding one first.</summary>
    public static JsonObject Describe(GenerationSearchOptions options) => new()
    {
        ["model"] = options.Model,
        ["device"] = options.Device.type.ToString().ToLowerInvariant(),
        ["precision"] = WeightPrecision.NameOf(options.Precision),
        ["name"] = options.Name,
        ["init"] = new JsonArray([.. options.Init.Select(i => (JsonNode)i)]),
        ["init_kind"] = InitKinds.NameOf(options.InitKind),
        ["method"] = GenerationMethods.NameOf(options.Method),
        ["rule"] = SlotRules.NameOf(options.Rule),
        ["slots"] = options.Slots,
        ["per_layer"] = options.PerLayer,
        ["norm_bound"] = options.NormBound,
        ["resolution"] = options.Resolution,
        ["flip"] = options.Flip,
        ["crops"] = options.Crops,
        ["templates"] = options.Templates is null ? null : new JsonArray([.. options.Templates.Select(t => (JsonNode)t)]),
        ["batch"] = options.BatchSize,
        ["evaluation_rows"] = options.EvaluationRows,
        ["timesteps"] = options.Timesteps.ToString().ToLowerInvariant(),
        ["min_snr_gamma"] = options.MinSnrGamma,
        ["start_concept"] = options.StartConcept,
        ["images"] = new JsonArray([.. options.Images.Select(i => (JsonNode)i)]),
        ["masks"] = options.Masks,
        ["latent_memory"] = options.LatentMemoryBytes,
    };

    /// <summary>The digest of all that decides the losses: the options, the model and the pictures.</summary>
    /// <param name="options">The options.</param>
    /// <param name="digest">The digest of the pictures, masks and captions.</param>
    public static string Fingerprint(GenerationSearchOptions options, string digest)
    {
        var described = Describe(options);
        foreach (var name in s_ignored) described.Remove(name);
        described["model"] = GenerationModel.FingerprintOf(options.Model);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(described.ToJsonString() + digest)));
    }
}
