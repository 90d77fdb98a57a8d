using Cones.Concepts;
using Cones.Prompts;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Cli.Tests;

/// <summary>Files that the tests read, and a folder for those that they write.</summary>
sealed class TestFiles : IDisposable
{
    public static string Root { get; } = FindRoot();

    public static string Model { get; } = Path.Combine(Root, "models", "mini-sd");

    public static string Clip { get; } = Path.Combine(Root, "models", "mini-clip");

    public static string Embeddings { get; } = Path.Combine(Root, "tests", "goldens", "generation", "embedding-files");

    public static string Weights { get; } = Path.Combine(Root, "tests", "goldens", "weights");

    public string Folder { get; } = Directory.CreateTempSubdirectory("cones-cli-tests").FullName;

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>A concept for the embedded model, or for another one; its numbers are 0, 1, 2, ... / 1000.</summary>
    public string Concept(SlotRule rule = SlotRule.Overwrite, int slots = 2, string method = "concept", string? fingerprint = null, bool layers = false, string name = "toy")
    {
        using var scope = NewDisposeScope();
        var dim = GenerationModelDim();
        var count = SlotRules.VectorCount(rule, slots, 77);
        var vectors = arange(count * dim, ScalarType.Float32).reshape(count, dim) / 1000;
        if (layers) vectors = stack([vectors, vectors + 1], 0);
        using var file = new ConceptFile([Cones.Concepts.Concept.FromVectors("<toy>", vectors, null)], new ConceptMetadata
        {
            Method = method,
            Task = "generation",
            ModelFamily = "stable-diffusion",
            ModelFingerprint = fingerprint ?? GenerationModel.FingerprintOf(Model),
            SlotRule = rule,
            BaseText = "toy",
            Steps = 7,
            Scores = new Dictionary<string, double> { ["evaluation_loss"] = 0.25 },
        });
        var path = PathOf(name + ConceptFile.Extension);
        file.Save(path);
        return path;
    }

    public static int GenerationModelDim() =>
        Cones.Models.StableDiffusion.UNet.UNet2DConditionConfig.FromFile(Path.Combine(Model, "unet", "config.json")).CrossAttentionDim;

    public static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "cones.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("cones.slnx was not found above the tests");
        return folder;
    }
}
