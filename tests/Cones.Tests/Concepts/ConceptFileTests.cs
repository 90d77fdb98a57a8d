using Cones.Concepts;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Concepts;

public sealed class ConceptFileTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("cones-concept-").FullName;

    [Fact]
    public void What_is_saved_is_read_again()
    {
        var path = Path.Combine(_folder, "a.concept.safetensors");
        using var vectors = randn(7, 2, 4);
        using var pooled = randn(5);
        using (var file = new ConceptFile([Concept.FromVectors("<dog>", vectors, pooled)], Metadata())) file.Save(path);

        using var read = ConceptFile.Load(path);
        var concept = Assert.Single(read.Concepts);
        Assert.Equal("<dog>", concept.Name);
        Assert.True(concept.Layers!.allclose(vectors, 0, 0));
        Assert.True(concept.Embeddings.allclose(vectors.mean([0])));
        Assert.True(concept.Pooled!.allclose(pooled, 0, 0));
        Assert.Equal(Metadata().ToDictionary(), read.Metadata.ToDictionary());
    }

    [Fact]
    public void The_same_concept_gives_the_same_bytes()
    {
        using var vectors = ones(2, 4);
        var paths = ((string[])["a", "b"]).Select(n => Path.Combine(_folder, n)).ToArray();
        foreach (var path in paths)
        {
            using var file = new ConceptFile([Concept.FromVectors("<dog>", vectors, null)], Metadata());
            file.Save(path);
        }

        Assert.Equal(File.ReadAllBytes(paths[0]), File.ReadAllBytes(paths[1]));
    }

    [Fact]
    public void A_concept_for_another_model_is_refused_by_name()
    {
        using var vectors = ones(2, 4);
        using var file = new ConceptFile([Concept.FromVectors("<dog>", vectors, null)], Metadata());
        file.RequireModel("a", Metadata().ModelFingerprint, "model");
        var error = Assert.Throws<ConesException>(() => file.RequireModel("dog.concept.safetensors", new string('b', 64), "other-model"));
        Assert.Contains("dog.concept.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Contains("other-model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_no_concepts_are_refused()
    {
        var path = Path.Combine(_folder, "weights.safetensors");
        using var tensor = ones(2, 4);
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = tensor });
        Assert.Contains(path, Assert.Throws<ConesException>(() => ConceptFile.Load(path)).Message, StringComparison.Ordinal);

        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = tensor }, Metadata().ToDictionary());
        Assert.Contains("no concept", Assert.Throws<ConesException>(() => ConceptFile.Load(path)).Message, StringComparison.Ordinal);

        var later = Metadata().ToDictionary().ToDictionary(m => m.Key, m => m.Key == "format_version" ? "99" : m.Value);
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["concept.x"] = tensor }, later);
        Assert.Contains("99", Assert.Throws<ConesException>(() => ConceptFile.Load(path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static ConceptMetadata Metadata() => new()
    {
        Method = "concept",
        Task = "generation",
        ModelFamily = "stable-diffusion",
        ModelFingerprint = new string('a', 64),
        SlotRule = SlotRule.Overwrite,
        BaseText = "dog",
        Init = "BestWord: dog",
        Steps = 12,
        Seed = 3,
        DataDigest = new string('c', 64),
        ToolVersion = "cones 0",
        Scores = new Dictionary<string, double> { ["evaluation_loss"] = .25, ["a"] = 1e-7 },
    };
}
