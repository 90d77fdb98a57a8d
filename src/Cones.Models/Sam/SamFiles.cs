using Cones.Models.Weights;

namespace Cones.Models.Sam;

/// <summary>Builds models from files: the one place that knows files and key names.</summary>
static class SamFiles
{
    public static SamModel LoadFolder(string folder, LoadOptions? options, string? variant)
    {
        var configPath = Path.Combine(folder, "config.json");
        using var checkpoint = Checkpoint.Open(folder, variant);
        if (!File.Exists(configPath) && SamKeys.IsMeta(checkpoint.Tensors.Keys)) return LoadMeta(checkpoint, null, options);
        return Fill(SamConfig.FromFile(configPath), checkpoint, options, SamKeys.HuggingFace(checkpoint.Tensors.Keys));
    }

    public static SamModel LoadFile(string path, SamConfig? config, LoadOptions? options)
    {
        using var checkpoint = Checkpoint.OpenFile(path);
        return LoadMeta(checkpoint, config, options);
    }

    static SamModel LoadMeta(ICheckpoint checkpoint, SamConfig? config, LoadOptions? options) =>
        Fill(config ?? SamMetaConfig.Infer(checkpoint), checkpoint, options, SamKeys.Meta(checkpoint.Tensors.Keys));

    static SamModel Fill(SamConfig config, ICheckpoint checkpoint, LoadOptions? options, Func<string, string?> rename)
    {
        var model = new SamModel(config);
        try
        {
            ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = rename });
            model.ToChannelsLast();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
