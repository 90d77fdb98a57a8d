using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Layers;
using Cones.Models.Swin;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

/// <summary>A small model with random weights, and the folders of the golden cases.</summary>
static class GlipTestModels
{
    public static readonly string FusedFolder = Golden("glip/model_a");
    public static readonly string UnfusedFolder = Golden("glip/model_b");

    public static readonly GlipConfig Config = new()
    {
        Swin = new SwinConfig { EmbedDim = 4, Depths = [1, 1, 2, 1], NumHeads = [1, 2, 2, 4], WindowSize = 3 },
        Bert = new() { VocabSize = 30, HiddenSize = 8, NumHiddenLayers = 2, NumAttentionHeads = 2, IntermediateSize = 12, MaxPositionEmbeddings = 40 },
        MaxTokens = 20,
        Head = new GlipHeadConfig { Channels = 32, Layers = 2, NormGroups = 4, FusionHeads = 2, FusionWidth = 24 },
        Anchors = new GlipAnchorConfig { Sizes = [16, 32, 64, 128, 256] },
        Input = new GlipInputConfig { MinSize = 64, MaxSize = 100 },
    };

    /// <summary>A model whose weights are random, different from 0 everywhere, and frozen.</summary>
    public static GlipModel Random(GlipConfig? config = null, ulong seed = 0)
    {
        var model = new GlipModel(config ?? Config);
        using var generator = new Generator(seed, CPU);
        foreach (var (name, weight) in model.NamedWeights())
        {
            using var scope = NewDisposeScope();
            var values = randn([.. weight.Shape], generator: generator) * 0.2;
            weight.Assign(name.EndsWith("orm.weight", StringComparison.Ordinal) || name.EndsWith("scale", StringComparison.Ordinal) ? values + 1 : values.clone());
        }

        model.ToChannelsLast();
        return model;
    }

    /// <summary>Random levels of an image of 48 x 80 pixels.</summary>
    public static Tensor[] Levels(int batch = 1, ulong seed = 5)
    {
        using var generator = new Generator(seed, CPU);
        return [.. new (long H, long W)[] { (6, 10), (3, 5), (2, 3), (1, 2), (1, 1) }.Select(s => randn([batch, 32, s.H, s.W], generator: generator))];
    }

    public static Tensor Hidden(int batch, int tokens, ulong seed = 6)
    {
        using var generator = new Generator(seed, CPU);
        return randn([batch, tokens, Config.Bert.HiddenSize], generator: generator);
    }

    public static bool Close(Tensor a, Tensor b, double tolerance = 1e-4) =>
        a.shape.AsSpan().SequenceEqual(b.shape) && a.allclose(b, rtol: tolerance, atol: tolerance);

    /// <summary>A file or folder below <c>tests/goldens</c>.</summary>
    public static string Golden(string path)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "cones.slnx"))) folder = folder.Parent!;
        return Path.Combine(folder.FullName, "tests", "goldens", path);
    }
}
