using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Clip;
using Cones.Tasks.Generation;

namespace Cones.Bench.Generation;

/// <summary>A search step of the embedded model: concept against pseudo-word.</summary>
sealed class StepBenchmark : IBenchmark
{
    public string Name => "generation-step";

    public string Description => "step of the embedded model, batch 4: concept and pseudo-word [repetitions]";

    public JsonObject Run(string[] args)
    {
        var folder = EmbeddedModels.Find(EmbeddedModels.StableDiffusion);
        using var model = GenerationModel.FromFolder(folder);
        var text = ClipTextConfig.Read(Path.Combine(folder, "text_encoder", "config.json"));
        return new StepComparison(
                model.UNet, () => ClipTextModel.FromFolder(Path.Combine(folder, "text_encoder")), model.UNet.Config.SampleSize, batch: 4, text.MaxPositionEmbeddings)
            .Run(args.Length > 0 ? int.Parse(args[0]) : 50);
    }
}
