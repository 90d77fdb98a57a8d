using Cones.Models.Layers;
using Cones.Models.StableDiffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.StableDiffusion;

/// <summary>Models small enough for a test, with random weights.</summary>
static class SmallModels
{
    public static UNet2DConditionConfig UNetConfig => new()
    {
        BlockOutChannels = [8, 16],
        DownCrossAttention = [true, false],
        UpCrossAttention = [false, true],
        LayersPerBlock = [1, 1],
        CrossAttentionDim = 6,
        AttentionHeads = [2, 2],
        TransformerLayersPerBlock = [[2], [1]],
        UpTransformerLayersPerBlock = [[1], [2]],
        NormNumGroups = 4,
    };

    public static UNet2DConditionModel UNet(UNet2DConditionConfig? config = null) => Fill(new UNet2DConditionModel(config ?? UNetConfig));

    public static TModel Fill<TModel>(TModel model)
        where TModel : Module
    {
        random.manual_seed(7);
        using var noGrad = no_grad();
        foreach (var (_, weight) in model.NamedWeights())
        {
            using var scope = NewDisposeScope();
            weight.Assign(randn([.. weight.Shape]) * 0.2);
        }

        model.ToChannelsLast();
        return model;
    }
}
