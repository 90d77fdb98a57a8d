using Cones.Models;
using Cones.Models.Sam;
using Cones.Models.Weights;
using Cones.Models.Weights.Inspection;

namespace Cones.Tasks.Segmentation;

/// <summary>Loads segmenters of any family, which is recognised.</summary>
public static class Segmenters
{
    /// <summary>Loads a folder of SAM or SAM 3 in the layout of transformers, or a file or folder of SAM's original weights.</summary>
    /// <exception cref="ConesException">There is no such model.</exception>
    public static ISegmenter Load(string path, LoadOptions? options = null) => FamilyOf(path) switch
    {
        "sam3" => Sam3Segmenter.FromFolder(path, options),
        "sam" => SamSegmenter.FromPath(path, options),
        var other => throw new ConesException($"{path} holds {other ?? "no model that is known"}, not a segmenter: name a folder of SAM or SAM 3, or SAM's .pth file (--model)"),
    };

    static string? FamilyOf(string path)
    {
        var config = Path.Combine(path, "config.json");
        if (File.Exists(config))
        {
            var named = FamilyRecognition.FromConfig(config);
            return named switch
            {
                "SamModel" or "sam" => "sam",
                "Sam3Model" or "sam3" or "Sam3VideoModel" or "sam3_video" => "sam3",
                _ => named,
            };
        }

        using var checkpoint = File.Exists(path) ? Checkpoint.OpenFile(path) : Checkpoint.Open(path);
        return SamKeys.IsMeta(checkpoint.Tensors.Keys) ? "sam" : FamilyRecognition.FromKeys(checkpoint);
    }
}
