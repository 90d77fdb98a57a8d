using Cones.Models.Bert;
using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Text;
using Cones.Models.Layers;
using Cones.Models.Swin;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

/// <summary>Small detectors with random weights.</summary>
static class GroundingDinoTestModels
{
    public static readonly GroundingDinoConfig Config = new()
    {
        Backbone = new SwinConfig { EmbedDim = 4, Depths = [1, 1, 1], NumHeads = [1, 2, 2], WindowSize = 3, MlpRatio = 2, OutStages = [2, 3] },
        Text = new BertConfig { VocabSize = 1100, HiddenSize = 8, IntermediateSize = 12, NumHiddenLayers = 1, NumAttentionHeads = 2, MaxPositionEmbeddings = 16 },
        DModel = 32,
        NumQueries = 5,
        EncoderLayers = 2,
        EncoderFfnDim = 24,
        EncoderAttentionHeads = 4,
        EncoderPoints = 2,
        DecoderLayers = 2,
        DecoderFfnDim = 20,
        DecoderAttentionHeads = 2,
        DecoderPoints = 3,
        NumFeatureLevels = 3,
        MaxTextLen = 12,
    };

    /// <summary>One of each kind of model that configurations can ask for.</summary>
    public static readonly IReadOnlyDictionary<string, GroundingDinoConfig> Variants = new Dictionary<string, GroundingDinoConfig>
    {
        ["plain"] = Config,
        ["own box heads"] = Config with { SharedBoxHeads = false },
        ["mm"] = Config with { ScaledClassHeads = true, SharedBoxHeads = false },
        ["mm shared"] = Config with { ScaledClassHeads = true, SharedClassHeads = true },
        ["one stage"] = Config with { TwoStage = false },
        ["queries from proposals"] = Config with { LearnedQueries = false },
        ["learned positions"] = Config with { LearnedPositions = true },
        ["five levels"] = Config with { NumFeatureLevels = 5, ActivationFunction = "gelu" },
    };

    public static GroundingDinoModel Model(GroundingDinoConfig? config = null) => WithRandomWeights(new GroundingDinoModel(config ?? Config));

    public static TModule WithRandomWeights<TModule>(TModule module, ScalarType type = ScalarType.Float32)
        where TModule : Module
    {
        using var generator = new Generator(7, CPU);
        foreach (var (_, weight) in module.NamedWeights()) weight.Assign(randn([.. weight.Shape], type, generator: generator).mul_(0.3));
        return module;
    }

    /// <summary>Two captions of two phrases; the second one is padded.</summary>
    public static (Tensor Ids, Tensor Mask) Captions() => (
        tensor(new long[] { 101, 7, 8, 1012, 9, 1012, 102, 101, 5, 1012, 6, 102, 0, 0 }).view(2, 7),
        tensor(new long[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0 }).view(2, 7));

    public static TextMasks Masks()
    {
        var (ids, mask) = Captions();
        return TextMasks.FromIds(ids, mask);
    }

    /// <summary>Two images, [2, 3, 70, 52]; the second one is smaller.</summary>
    public static (Tensor Pixels, Tensor Mask) Images()
    {
        using var generator = new Generator(3, CPU);
        var (pixels, mask) = (randn([2, 3, 70, 52], generator: generator), ones([2, 70, 52], ScalarType.Int64));
        pixels[1, .., 48..].zero_();
        mask[1, 48..].zero_();
        return (pixels, mask);
    }

    public static void Throws<TException>(Action action, params string[] parts)
        where TException : Exception
    {
        var message = Assert.Throws<TException>(action).Message;
        foreach (var part in parts) Assert.Contains(part, message);
    }

    /// <summary>Whether two tensors have the same shape and about the same elements.</summary>
    public static void Close(Tensor expected, Tensor actual, double tolerance = 1e-4)
    {
        Assert.Equal(expected.shape, actual.shape);
        if (expected.allclose(actual, rtol: tolerance, atol: tolerance)) return;
        var difference = (expected - actual).abs().to(ScalarType.Float64);
        Assert.Fail($"off by {difference.masked_fill(difference.isnan(), 0).max().item<double>()}");
    }
}
