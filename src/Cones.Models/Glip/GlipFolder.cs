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
        var rename = GlipKeys.RenameOf(file);
        config ??= FindConfig(folder) is { } found ? GlipConfig.FromFile(found) : GlipConfigShapes.Read(file);
        var storesOffset = file.Tensors.Keys.Any(k => rename(k) == GlipKeys.PromptOffset);
        // The result of prompt tuning has an offset, whatever configuration it was begun with.
        if (storesOffset) config = config with { Head = config.Head with { HasPromptOffset = true } };
        ICheckpoint checkpoint = config.Head.HasPromptOffset && !storesOffset
            ? new PromptOffsetCheckpoint(file, GlipKeys.StoredPromptOffset(file), [GlipModel.PromptOffsetRows, config.Bert.HiddenSize])
            : file;
        var model = new GlipModel(config, FindTokenizer(folder));
        try
        {
            CheckVocabulary(model, folder);
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

    // glip_config.json, or the only YAML file.
    static string? FindConfig(string folder)
    {
        var json = Path.Combine(folder, JsonConfig);
        if (File.Exists(json)) return json;
        string[] yaml = [.. Directory.EnumerateFiles(folder).Where(f => Path.GetExtension(f).ToLowerInvariant() is ".yaml" or ".yml")];
        return yaml.Length <= 1 ? yaml.SingleOrDefault() : throw new ConesException($"{folder} has several configurations ({string.Join(", ", yaml.Select(Path.GetFileName).Order())}): leave the one that the weights were trained with");
    }

    static BertTokenizer? FindTokenizer(string folder) =>
        s_tokenizerFolders.Select(f => Path.Combine(folder, f)).FirstOrDefault(f => s_vocabularies.Any(v => File.Exists(Path.Combine(f, v)))) is { } found ? BertTokenizer.FromFolder(found) : null;

    static void CheckVocabulary(GlipModel model, string folder)
    {
        if (model.Tokenizer is { } tokenizer && tokenizer.VocabularySize > model.Config.Bert.VocabSize)
            throw new ConesException($"the vocabulary in {folder} has {tokenizer.VocabularySize} tokens, the model {model.Config.Bert.VocabSize}: take the vocab.txt that belongs to it");
    }
}
