using Cones.Models.Sam;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam;

/// <summary>Small models with random weights.</summary>
static class SamTestModels
{
    public static readonly SamConfig Config = new()
    {
        Vision = new SamVisionConfig
        {
            HiddenSize = 12,
            OutputChannels = 16,
            NumHiddenLayers = 3,
            NumAttentionHeads = 2,
            ImageSize = 20,
            PatchSize = 4,
            WindowSize = 3,
            GlobalAttnIndexes = [1],
            NumPosFeats = 8,
            MlpDim = 10,
        },
        PromptEncoder = new SamPromptEncoderConfig { HiddenSize = 16, ImageSize = 20, PatchSize = 4, MaskInputChannels = 8 },
        MaskDecoder = new SamMaskDecoderConfig { HiddenSize = 16, MlpDim = 14, NumAttentionHeads = 2, NumMultimaskOutputs = 2, IouHeadHiddenDim = 9 },
    };

    public static SamModel Model(SamConfig? config = null)
    {
        var model = new SamModel(config ?? Config);
        using var generator = new Generator(6, CPU);
        foreach (var (name, weight) in model.NamedWeights())
        {
            var value = randn([.. weight.Shape], generator: generator).mul_(0.3f);
            weight.Assign(name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal) ? value.add_(1) : value);
        }

        return model;
    }

    /// <summary>Two images with three prompts each: points, boxes and a mask.</summary>
    public static SamPrompts Prompts(bool points = true, bool boxes = true, bool masks = false) => new()
    {
        Points = points ? rand(2, 3, 2, 2) * 20 : null,
        Labels = points ? tensor(new long[] { 1, 0, 1, -1, 0, -10, 1, 1, 0, 1, -1, -10 }).view(2, 3, 2) : null,
        Boxes = boxes ? rand(2, 3, 4) * 20 : null,
        Masks = masks ? randn(2, 1, 20, 20) : null,
    };
}
