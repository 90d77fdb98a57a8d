using Cones.Models.Clip;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Clip;

/// <summary>Small models with random weights, and the folders of the golden cases.</summary>
static class ClipTestModels
{
    public static readonly ClipTextConfig Text = new()
    {
        VocabSize = 20,
        HiddenSize = 8,
        IntermediateSize = 12,
        ProjectionDim = 6,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = 7,
        EosTokenId = 19,
    };

    public static readonly ClipVisionConfig Vision = new()
    {
        HiddenSize = 8,
        IntermediateSize = 12,
        ProjectionDim = 6,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        ImageSize = 8,
        PatchSize = 4,
    };

    public static readonly ClipConfig Joint = new() { Text = Text, Vision = Vision, ProjectionDim = 5 };

    /// <summary>Gives every weight of <paramref name="model"/> random values of deviation 0.3.</summary>
    public static TModel WithRandomWeights<TModel>(TModel model, int seed = 0)
        where TModel : Module
    {
        using var generator = new Generator((ulong)seed, CPU);
        foreach (var (_, weight) in model.NamedWeights())
            weight.Assign(randn([.. weight.Shape], generator: generator).mul_(0.3f));
        return model;
    }

    public static Tensor Ids(params long[] row) => tensor(row).unsqueeze(0);

    /// <summary>Whether two tensors have the same shape and elements.</summary>
    public static bool Same(Tensor a, Tensor b) => a.shape.AsSpan().SequenceEqual(b.shape) && a.eq(b).all().item<bool>();

    /// <summary>A file or folder below <c>tests/goldens</c>.</summary>
    public static string Golden(string path)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "cones.slnx"))) folder = folder.Parent!;
        return Path.Combine(folder.FullName, "tests", "goldens", path);
    }
}
