using Cones.Models;

namespace Cones;

/// <summary>The small models that come with the program, in the file layout of real ones.</summary>
public static class EmbeddedModels
{
    /// <summary>The text-to-image model: 64 px, trained on emoji.</summary>
    public const string StableDiffusion = "mini-sd";

    /// <summary>The judge of images and texts: CLIP, 64 px, trained on emoji.</summary>
    public const string Clip = "mini-clip";

    /// <summary>The segmenter: SAM, trained on drawn scenes.</summary>
    public const string Sam = "mini-sam";

    /// <summary>The detector: GLIP's layout, trained on drawn scenes.</summary>
    public const string Detector = "mini-glip";

    /// <summary>Whether a folder is that of a model.</summary>
    public static bool Is(string folder, string name) => Path.GetFileName(folder) == name && folder == Find(name);

    /// <summary>The folder of a model: beside the program, or in the checkout that the program was built from.</summary>
    /// <exception cref="ConesException">It is not there.</exception>
    public static string Find(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "models", name);
            if (Directory.Exists(candidate)) return candidate;
        }

        throw new ConesException($"the embedded model {name} is not beside the program: name a model folder (--model)");
    }
}
