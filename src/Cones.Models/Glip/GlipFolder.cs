using Cones.Models.Glip.Configuration;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;

namespace Cones.Models.Glip;

/// <summary>Builds models from files: the one place that knows what lies beside GLIP's weights.</summary>
static class GlipFolder
{
    const string JsonConfig = "glip_config.json";

    static readonly string[] s_vocabularies = ["vocab.txt", "tokenizer.json"];
    static readonly string[] s_tokenizerFolders = ["", "tokenizer", "bert-base-uncased"];

    public static GlipModel Load(string path, GlipConfig? config, LoadOptions? options)
    {
        using var file = Checkpoint.OpenFile(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        config = Settle(config ?? ReadConfig(folder, file), file);
        ICheckpoint checkpoint = config.Head.HasPromptOffset && !StoresOffset(file)
            ? new PromptOffsetCheckpoint(file, [GlipModel.PromptOffsetRows, config.Bert.HiddenSize])
            : file;
        var model = new GlipModel(config, FindTokenizer(folder));
        try
        {
            CheckVocabulary(model, folder);
            ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = GlipKeys.Rename });
            model.ToChannelsLast();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Writes a model with the configuration and the vocabulary of the folder that it came from.</summary>
    public static void Save(GlipModel model, string source, string target)
    {
        try
        {
            Directory.CreateDirectory(target);
            if (Path.GetFullPath(source) != Path.GetFullPath(target))
            {
                string[] beside = [.. Directory.EnumerateFiles(source).Where(f => Path.GetFileName(f) == JsonConfig || Path.GetExtension(f).ToLowerInvariant() is ".yaml" or ".yml")];
                foreach (var file in beside.Concat(VocabularyFiles(source))) File.Copy(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"the model folder {target} cannot be written ({e.Message}): choose another one, or make room", e);
        }

        // Last: a folder with weights is a whole one.
        using var scope = TorchSharp.torch.NewDisposeScope();
        SafetensorsWriter.Write(Path.Combine(target, "model.safetensors"), model.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value.detach()));
    }

    /// <summary>The configuration that <see cref="Load"/> would take.</summary>
    public static GlipConfig ReadConfig(string path)
    {
        using var file = Checkpoint.OpenFile(path);
        return Settle(ReadConfig(Path.GetDirectoryName(Path.GetFullPath(path))!, file), file);
    }

    /// <summary>The configuration in a folder: <c>glip_config.json</c>, else the only YAML file, else what the weights' shapes say.</summary>
    public static GlipConfig ReadConfig(string folder, ICheckpoint weights)
    {
        var json = Path.Combine(folder, JsonConfig);
        if (File.Exists(json)) return GlipConfig.FromFile(json);
        string[] yaml = [.. Directory.EnumerateFiles(folder).Where(f => Path.GetExtension(f).ToLowerInvariant() is ".yaml" or ".yml")];
        return yaml.Length switch
        {
            0 => GlipConfig.FromWeights(weights),
            1 => GlipConfig.FromFile(yaml[0]),
            _ => throw new ConesException($"{folder} has several configurations ({string.Join(", ", yaml.Select(Path.GetFileName).Order())}): leave the one that the weights were trained with"),
        };
    }

    // The result of prompt tuning has an offset, whatever configuration it was begun with.
    static GlipConfig Settle(GlipConfig config, ICheckpoint file) =>
        StoresOffset(file) ? config with { Head = config.Head with { HasPromptOffset = true } } : config;

    static bool StoresOffset(ICheckpoint file) => file.Tensors.Keys.Any(k => GlipKeys.Rename(k) == GlipKeys.PromptOffset);

    static BertTokenizer? FindTokenizer(string folder) => TokenizerFolder(folder) is { } found ? BertTokenizer.FromFolder(found) : null;

    static string? TokenizerFolder(string folder) =>
        s_tokenizerFolders.Select(f => Path.Combine(folder, f)).FirstOrDefault(f => s_vocabularies.Any(v => File.Exists(Path.Combine(f, v))));

    // With the tokenizer's own settings, which say whether it lowers letters.
    static IEnumerable<string> VocabularyFiles(string folder) => TokenizerFolder(folder) is { } found
        ? s_vocabularies.Append("tokenizer_config.json").Select(f => Path.Combine(found, f)).Where(File.Exists)
        : [];

    static void CheckVocabulary(GlipModel model, string folder)
    {
        if (model.Tokenizer is { } tokenizer && tokenizer.VocabularySize > model.Config.Bert.VocabSize)
            throw new ConesException($"the vocabulary in {folder} has {tokenizer.VocabularySize} tokens, the model {model.Config.Bert.VocabSize}: take the vocab.txt that belongs to it");
    }
}
