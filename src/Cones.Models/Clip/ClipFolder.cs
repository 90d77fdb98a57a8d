using Cones.Models.Configuration;
using Cones.Models.Layers;
using Cones.Models.Weights;

namespace Cones.Models.Clip;

/// <summary>Builds models from folders as <c>save_pretrained</c> writes them: the one place that knows files and key names.</summary>
static class ClipFolder
{
    const string TextProjection = "text_projection.weight";
    const string VisualProjection = "visual_projection.weight";

    public static ClipTextModel LoadText(string folder, LoadOptions? options, string? variant)
    {
        using var checkpoint = Checkpoint.Open(folder, variant);
        var config = ClipTextConfig.Read(ConfigPath(folder));
        return Fill(new ClipTextModel(config, Projects(folder, checkpoint, TextProjection)), checkpoint, options, ClipKeys.Text);
    }

    public static ClipVisionModel LoadVision(string folder, LoadOptions? options, string? variant)
    {
        using var checkpoint = Checkpoint.Open(folder, variant);
        var config = ClipVisionConfig.Read(ConfigPath(folder));
        return Fill(new ClipVisionModel(config, Projects(folder, checkpoint, VisualProjection)), checkpoint, options, ClipKeys.Vision);
    }

    public static ClipModel LoadJoint(string folder, LoadOptions? options, string? variant)
    {
        using var checkpoint = Checkpoint.Open(folder, variant);
        return Fill(new ClipModel(ClipConfig.Read(ConfigPath(folder))), checkpoint, options, ClipKeys.Joint);
    }

    static string ConfigPath(string folder) => Path.Combine(folder, "config.json");

    // A configuration that promises a projection makes its absence from the weights an error.
    static bool Projects(string folder, ICheckpoint checkpoint, string key) =>
        checkpoint.Tensors.ContainsKey(key)
        || ConfigReader.Open(ConfigPath(folder)).Texts("architectures", []).Any(n => n.EndsWith("WithProjection", StringComparison.Ordinal));

    static TModel Fill<TModel>(TModel model, ICheckpoint checkpoint, LoadOptions? options, Func<string, string?> rename)
        where TModel : Module
    {
        try
        {
            ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = rename });
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
