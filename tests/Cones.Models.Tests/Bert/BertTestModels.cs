using Cones.Models.Bert;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Bert;

/// <summary>Small models with random weights, and the folders of the golden cases.</summary>
static class BertTestModels
{
    public static readonly BertConfig Config = new()
    {
        VocabSize = 20,
        HiddenSize = 8,
        IntermediateSize = 12,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = 7,
    };

    public static TModel WithRandomWeights<TModel>(TModel model, ScalarType type = ScalarType.Float32)
        where TModel : Module
    {
        using var generator = new Generator(4, CPU);
        foreach (var (_, weight) in model.NamedWeights()) weight.Assign(randn([.. weight.Shape], type, generator: generator).mul_(0.3));
        return model;
    }

    public static Tensor Ids(params long[] row) => tensor(row).unsqueeze(0);

    /// <summary>A file or folder below <c>tests/goldens</c>.</summary>
    public static string Golden(string path)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "cones.slnx"))) folder = folder.Parent!;
        return Path.Combine(folder.FullName, "tests", "goldens", path);
    }
}
