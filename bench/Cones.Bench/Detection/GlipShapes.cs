using Cones.Models.Bert;
using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Layers;
using Cones.Models.Swin;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>GLIP's published configurations, for random weights of real shape.</summary>
static class GlipShapes
{
    /// <summary>GLIP-T, 231.76 million parameters.</summary>
    public static GlipConfig Tiny { get; } = new();

    /// <summary>GLIP-L, 430.40 million parameters.</summary>
    public static GlipConfig Large { get; } = Tiny with
    {
        Swin = Tiny.Swin with { EmbedDim = 192, Depths = [2, 2, 18, 2], NumHeads = [6, 12, 24, 48], WindowSize = 12 },
        Head = Tiny.Head with { Layers = 8 },
    };

    /// <summary>The embedded detector's shape.</summary>
    public static GlipConfig Embedded { get; } = new()
    {
        Swin = new SwinConfig { EmbedDim = 32, Depths = [2, 2, 5, 1], NumHeads = [1, 2, 4, 8], WindowSize = 4 },
        Bert = new BertConfig { VocabSize = 1000, HiddenSize = 128, NumHiddenLayers = 3, NumAttentionHeads = 4, IntermediateSize = 512, MaxPositionEmbeddings = 96 },
        MaxTokens = 96,
        Head = Tiny.Head with { Channels = 64, Layers = 2, NormGroups = 16, FusionHeads = 4, FusionWidth = 128 },
        Anchors = new GlipAnchorConfig { Sizes = [32, 64, 128, 256, 512] },
        Input = Tiny.Input with { MinSize = 128, MaxSize = 256 },
    };

    /// <summary>A model with random weights that behaves like a trained one: text reaches the image, samples lie beside the grid.</summary>
    public static GlipModel Build(GlipConfig config, ulong seed)
    {
        var model = new GlipModel(config);
        RandomWeights.Fill(model, seed);
        using var noGrad = no_grad();
        foreach (var (name, weight) in model.NamedWeights())
        {
            if (name.Contains(".gamma_", StringComparison.Ordinal)) weight.Value.fill_(1.0 / config.Head.Layers);
            if (name.EndsWith(".scale", StringComparison.Ordinal)) weight.Value.fill_(1);
            if (name.EndsWith(".bias0", StringComparison.Ordinal)) weight.Value.fill_(-Math.Log(99));
            weight.MarkChanged();
        }

        model.ToChannelsLast();
        return model;
    }
}
