using Cones.Models.Clip;

namespace Cones.Models.Sam3;

/// <summary>Maps the key layouts of checkpoints to the model's own, for <see cref="Weights.LoadOptions.Rename"/>.</summary>
public static class Sam3Keys
{
    const string Detector = "detector_model.";
    const string TextEncoder = "text_encoder.";

    /// <summary>
    /// Beginnings of the keys that the image model leaves out: facebook/sam3 is the video model's file, whose tracker (memory, its own
    /// prompt encoder and mask decoder, and the neck that feeds them) follows objects from frame to frame.
    /// </summary>
    public static IReadOnlyList<string> Unused { get; } = ["tracker_model.", "tracker_neck."];

    /// <summary>The model's key, or null for one to be ignored.</summary>
    /// <remarks>
    /// The video model's file has the image model under <c>detector_model.</c>; newer versions of transformers write the text tower
    /// without <c>text_model.</c>.
    /// </remarks>
    public static string? Rename(string key)
    {
        if (Unused.Any(u => key.StartsWith(u, StringComparison.Ordinal))) return null;
        if (key.StartsWith(Detector, StringComparison.Ordinal)) key = key[Detector.Length..];
        return key.StartsWith(TextEncoder, StringComparison.Ordinal)
            ? ClipKeys.Text(key[TextEncoder.Length..]) is { } rest ? TextEncoder + rest : null
            : key;
    }
}
