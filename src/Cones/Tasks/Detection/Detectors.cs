using System.Text.Json;
using Cones.Models;
using Cones.Models.Glip;
using Cones.Models.GroundingDino;
using Cones.Models.Weights;

namespace Cones.Tasks.Detection;

/// <summary>Finds out which family a detector's files are of: what <c>config.json</c> says, else GLIP.</summary>
public static class Detectors
{
    /// <summary>Loads a detector of any family.</summary>
    /// <param name="path">A folder, or a file of weights.</param>
    /// <param name="options">Type and device of the weights.</param>
    /// <exception cref="ConesException">There is no such detector.</exception>
    public static IDetector Load(string path, LoadOptions? options = null) =>
        GroundingDinoFolder(path) is { } folder ? GroundingDinoDetector.FromFolder(folder, options) : GlipDetector.FromPath(path, options);

    /// <summary>The detector's fingerprint, without loading weights.</summary>
    /// <param name="path">A folder, or a file of weights.</param>
    /// <exception cref="ConesException">There is no such detector.</exception>
    public static string FingerprintOf(string path) => GroundingDinoFolder(path) is { } folder
        ? GroundingDinoDetector.FingerprintOf(GroundingDinoConfig.FromFile(Path.Combine(folder, "config.json")))
        : GlipDetector.FingerprintOf(GlipModel.ReadConfig(path));

    static string? GroundingDinoFolder(string path)
    {
        var folder = File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        var type = ModelType(Path.Combine(folder, "config.json"));
        if (type is GroundingDinoConfig.GroundingDino or GroundingDinoConfig.MMGroundingDino) return folder;
        // BERT's own configuration may lie beside GLIP's weights, with its vocabulary.
        return type is null or "bert" or "glip"
            ? null
            : throw new ConesException($"{Path.Combine(folder, "config.json")} describes a {type}, which is no detector that takes text: give a GLIP ({GlipDetector.FamilyName}), {GroundingDinoConfig.GroundingDino} or {GroundingDinoConfig.MMGroundingDino} model (--model)");
    }

    static string? ModelType(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("model_type", out var type) ? type.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ConesException($"{path} is no JSON configuration: {e.Message}; copy or download it again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
