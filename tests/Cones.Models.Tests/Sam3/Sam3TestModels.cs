using Cones.Models.Clip;
using Cones.Models.Sam3;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam3;

/// <summary>Small models with random weights.</summary>
static class Sam3TestModels
{
    static readonly Sam3LayersConfig s_layers = new() { HiddenSize = 16, NumLayers = 2, NumAttentionHeads = 2, IntermediateSize = 12 };

    public static readonly Sam3Config Config = new()
    {
        Vision = new Sam3VisionConfig
        {
            Backbone = new Sam3ViTConfig
            {
                HiddenSize = 16,
                IntermediateSize = 12,
                NumHiddenLayers = 3,
                NumAttentionHeads = 2,
                ImageSize = 20,
                PatchSize = 4,
                WindowSize = 3,
                GlobalAttnIndexes = [1],
                PretrainImageSize = 8,
            },
            FpnHiddenSize = 16,
        },
        Text = new ClipTextConfig
        {
            VocabSize = 20,
            HiddenSize = 8,
            IntermediateSize = 12,
            ProjectionDim = 6,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            MaxPositionEmbeddings = 7,
            HiddenAct = "gelu",
        },
        GeometryEncoder = s_layers with { NumLayers = 1 },
        RoiSize = 2,
        DetrEncoder = s_layers,
        DetrDecoder = s_layers,
        NumQueries = 5,
        MaskHiddenSize = 16,
        MaskNumAttentionHeads = 2,
    };

    public static Sam3Model Model(Sam3Config? config = null)
    {
        var model = new Sam3Model(config ?? Config);
        using var generator = new Generator(6, CPU);
        foreach (var (name, weight) in model.NamedWeights())
        {
            var value = randn([.. weight.Shape], generator: generator).mul_(0.3f);
            weight.Assign(name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal) ? value.add_(1) : value);
        }

        return model;
    }
}
