using Cones.Models.Glip.Configuration;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Pretraining.Recipes.Clip;
using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Recipes.Latents;
using Cones.Pretraining.Recipes.Segmenter;
using Cones.Pretraining.Recipes.Tokenizer;
using Cones.Pretraining.Recipes.UNet;
using Cones.Pretraining.Recipes.Vae;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Smoke;

/// <summary>The recipes with models and numbers so small that each takes seconds.</summary>
static class SmokeRecipes
{
    /// <summary>All recipes in order.</summary>
    public static IReadOnlyList<IRecipe> All { get; } =
    [
        new TokenizerRecipe { VocabularySize = 700, MaxLength = 16 },
        new VaeRecipe
        {
            Config = new AutoencoderKLConfig { LatentChannels = 4, BlockOutChannels = [8, 16], LayersPerBlock = 1, NormNumGroups = 4, ScalingFactor = 1 },
            Side = 32,
            Plan = Plan("vae", 24, 4),
        },
        new ClipRecipe { Layers = 1, Width = 32, Side = 32, Plan = Plan("clip", 24, 8) },
        new LatentsRecipe { Styles = ["twemoji", "fluent-3d"], Variants = 2, Side = 32 },
        new UNetRecipe
        {
            Config = new UNet2DConditionConfig
            {
                InChannels = 4,
                OutChannels = 4,
                SampleSize = 16,
                BlockOutChannels = [16, 32],
                DownCrossAttention = [false, true],
                UpCrossAttention = [true, false],
                LayersPerBlock = [1, 1],
                AttentionHeads = [2, 2],
                TransformerLayersPerBlock = [[1], [1]],
                UpTransformerLayersPerBlock = [[1], [1]],
                CrossAttentionDim = 32,
                NormNumGroups = 8,
            },
            Plan = Plan("unet", 24, 4),
        },
        new SegmenterRecipe { Config = SegmenterRecipe.Shape(side: 64, width: 32, layers: 2, channels: 32), TestScenes = 4, Plan = Plan("segmenter", 24, 4) },
        new SegmenterRecipe
        {
            Config = SegmenterRecipe.Shape(side: 128, width: 32, layers: 2, channels: 32), Start = "segmenter", Mosaic = 2, Varied = true, TestScenes = 4, Plan = Plan("segmenter-256", 24, 4),
        },
        Detector(DetectorRecipe.Fusion()),
        Detector(DetectorRecipe.Microscopy()) with { Stages = [new(0, 64, 0.5, AllEmoji: true, SmearPart: 0.5)] },
        Detector(DetectorRecipe.NoFusion()),
    ];

    // The second stage begins after the first evaluation and the first stop.
    static DetectorRecipe Detector(DetectorRecipe recipe) => recipe with
    {
        Config = vocabulary => Small(recipe.Config(vocabulary)),
        Stages = [new(0, 64, 0, AllEmoji: false), new(14, 64, 0.5, AllEmoji: true)],
        EvaluationScenes = 4,
        Plan = Plan(recipe.Name, 24, 4),
    };

    static GlipConfig Small(GlipConfig config) => config with
    {
        Swin = config.Swin with { EmbedDim = 8, Depths = [1, 1, 2, 1], NumHeads = [1, 1, 2, 2] },
        Bert = config.Bert with { HiddenSize = 16, NumHiddenLayers = 1, NumAttentionHeads = 2, IntermediateSize = 32 },
        Head = config.Head with { Channels = 16, NormGroups = 4, FusionHeads = 2, FusionWidth = 16 },
    };

    static TrainingPlan Plan(string recipe, long steps, int batch) =>
        new(recipe, new StepSchedule(3e-3, steps, WarmUp: 2), batch, new AdamWOptions(AverageDecay: 0.9), LogEvery: 4, EvaluateEvery: 12);
}
