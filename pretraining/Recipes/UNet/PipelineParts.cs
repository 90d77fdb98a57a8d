using System.Text.Json.Nodes;
using Cones.Models.Clip;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.UNet;

/// <summary>The parts of a Stable Diffusion folder: a fresh UNet, and what earlier recipes made.</summary>
sealed class PipelineParts : IDisposable
{
    readonly string _vaeFolder;
    readonly string _tokenizerFolder;

    PipelineParts(UNet2DConditionModel unet, ClipTextModel text, string vaeFolder, string tokenizerFolder)
    {
        (UNet, Text, _vaeFolder, _tokenizerFolder) = (unet, text, vaeFolder, tokenizerFolder);
        Vae = AutoencoderKL.FromFolder(vaeFolder);
        Tokenizer = ClipTokenizer.FromFolder(tokenizerFolder);
    }

    /// <summary>The UNet.</summary>
    public UNet2DConditionModel UNet { get; }

    /// <summary>The text encoder, with the weights of CLIP's text tower.</summary>
    public ClipTextModel Text { get; }

    /// <summary>The finished autoencoder.</summary>
    public AutoencoderKL Vae { get; }

    /// <summary>The tokenizer.</summary>
    public ClipTokenizer Tokenizer { get; }

    /// <summary>Opens what the recipes tokenizer, vae and clip have made.</summary>
    public static PipelineParts Open(RunOptions options, UNet2DConditionConfig config, long seed)
    {
        var unet = new UNet2DConditionModel(config);
        Initialization.Fill(unet, seed, "unet");
        var text = new ClipTextModel(ClipTextConfig.Read(Path.Combine(options.Model("clip"), "config.json")));
        using (var checkpoint = Checkpoint.Open(options.Model("clip")))
            ModelLoader.Load(text, checkpoint, new LoadOptions { Rename = k => k.StartsWith("text_projection.", StringComparison.Ordinal) ? null : ClipKeys.Text(k) });
        return new PipelineParts(unet, text, options.Model("vae"), options.Model("tokenizer"));
    }

    /// <summary>Encodes texts as Stable Diffusion does: all slots, no mask. [B, T, D]</summary>
    public Tensor Encode(IReadOnlyList<string> texts)
    {
        using var scope = NewDisposeScope();
        return Text.Forward(Tokenizer.TokenizeBatch(texts).Ids()).LastHiddenState.MoveToOuterDisposeScope();
    }

    /// <summary>Generates pictures; the parts stay usable.</summary>
    public IReadOnlyList<RgbImage> Generate(IReadOnlyList<string> prompts, GenerationOptions options)
    {
        using var scope = NewDisposeScope();
        // Not disposed of: it would free the parts.
        var pipeline = new StableDiffusionPipeline(UNet, Vae, SchedulerConfig(), new PromptEncoder(Tokenizer, Text));
        return pipeline.Generate(prompts, options: options).ToRgbImages();
    }

    /// <summary>Writes the whole folder; UNet and text encoder in half precision.</summary>
    public void Export(string folder)
    {
        using var scope = NewDisposeScope();
        ModelWriter.Save(Path.Combine(folder, "unet"), "diffusion_pytorch_model.safetensors", ModelConfigs.UNet(UNet.Config), Half(ModelWriter.Weights(UNet)));
        ModelWriter.Save(Path.Combine(folder, "text_encoder"), "model.safetensors", ModelConfigs.ClipText(Text.Config), Half(ModelWriter.Weights(Text)));
        Copy(_vaeFolder, Path.Combine(folder, "vae"));
        Copy(_tokenizerFolder, Path.Combine(folder, "tokenizer"));
        Directory.CreateDirectory(Path.Combine(folder, "scheduler"));
        ModelWriter.WriteJson(Path.Combine(folder, "scheduler", "scheduler_config.json"), ModelConfigs.Scheduler());
        ModelWriter.WriteJson(Path.Combine(folder, "model_index.json"), ModelConfigs.Pipeline());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        UNet.Dispose();
        Text.Dispose();
        Vae.Dispose();
    }

    static SchedulerConfig SchedulerConfig()
    {
        var config = (JsonObject)ModelConfigs.Scheduler();
        config.Remove("_class_name");
        config.Remove("clip_sample");
        config.Remove("set_alpha_to_one");
        return Cones.Models.StableDiffusion.Schedulers.SchedulerConfig.For("DPMSolverMultistepScheduler", config);
    }

    static Dictionary<string, Tensor> Half(Dictionary<string, Tensor> weights) => weights.ToDictionary(w => w.Key, w => w.Value.to(ScalarType.Float16));

    static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
    }
}
