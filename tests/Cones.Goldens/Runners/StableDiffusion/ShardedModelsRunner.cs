using Cones.Models.Clip;
using Cones.Models.StableDiffusion.UNet;

namespace Cones.Goldens.Runners.StableDiffusion;

/// <summary>Kind <c>sharded</c>: a UNet and a text encoder read from several files through their index.</summary>
sealed class ShardedModelsRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["sharded"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        if (golden.Tensors.ContainsKey("in.sample"))
        {
            using var unet = UNet2DConditionModel.FromFolder(golden.PathOf("unet"));
            UNetRunner.Compare(golden, result, unet);
        }

        if (golden.Tensors.TryGetValue("in.input_ids", out var ids))
        {
            using var text = ClipTextModel.FromFolder(Directory.Exists(golden.PathOf("text_encoder_2")) ? golden.PathOf("text_encoder_2") : golden.PathOf("text_encoder"));
            var output = text.Forward(ids);
            if (output.TextEmbeds is { } embeds) ConesTrainRunner.CheckIfStored(golden, result, "out.text_embeds", embeds);
            ConesTrainRunner.CheckIfStored(golden, result, "out.penultimate", output.HiddenStates[^2]);
            ConesTrainRunner.CheckIfStored(golden, result, "out.last_hidden_state", output.LastHiddenState);
        }

        result.RequireAllOutputs();
    }
}
