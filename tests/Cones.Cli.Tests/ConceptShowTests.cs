using Cones.Prompts;

namespace Cones.Cli.Tests;

public class ConceptShowTests
{
    [Fact]
    public void A_concept_is_shown_with_norms_and_origin()
    {
        using var files = new TestFiles();
        var path = files.Concept();
        var text = Cli.Run("concept", "show", path);
        Assert.Equal(ExitCodes.Success, text.ExitCode);
        Assert.Contains("<toy>", text.Output);
        Assert.Contains("slot_rule = overwrite", text.Output);

        var json = Cli.Run("concept", "show", path, "--json", "--model", TestFiles.Model).Json();
        Assert.True(json.GetProperty("fits_model").GetBoolean());
        var vectors = Assert.Single(json.GetProperty("vectors").EnumerateArray());
        var dim = TestFiles.GenerationModelDim();
        Assert.Equal(2, vectors.GetProperty("slots").GetInt32());
        Assert.Equal(dim, vectors.GetProperty("dim").GetInt32());
        double[] norms = [.. Enumerable.Range(0, 2).Select(s => Math.Sqrt(Enumerable.Range(s * dim, dim).Sum(i => Math.Pow(i / 1000.0, 2))))];
        Assert.Equal(norms.Average(), vectors.GetProperty("norms").GetProperty("mean").GetDouble(), 1e-4);
        Assert.Equal(norms[0], vectors.GetProperty("norms").GetProperty("min").GetDouble(), 1e-4);
        Assert.Equal(norms[1], vectors.GetProperty("norms").GetProperty("max").GetDouble(), 1e-4);
    }

    [Fact]
    public void Vectors_of_layers_are_counted()
    {
        using var files = new TestFiles();
        var vectors = Cli.Run("concept", "show", files.Concept(layers: true), "--json").Json().GetProperty("vectors")[0];
        Assert.Equal(2, vectors.GetProperty("layers").GetInt32());
        Assert.Equal(2, vectors.GetProperty("slots").GetInt32());
    }

    [Fact]
    public void A_concept_for_another_model_is_refused()
    {
        using var files = new TestFiles();
        var path = files.Concept(SlotRule.Overwrite, fingerprint: new string('0', 64));
        Cli.Run("concept", "show", path, "--model", TestFiles.Model).MustRefuse(path, "another model");
    }

    [Theory]
    [InlineData("learned_embeds.bin", "diffusers")]
    [InlineData("a1111.pt", "a1111")]
    [InlineData("kohya-sdxl.safetensors", "kohya")]
    [InlineData("onetrainer-sd15-out.safetensors", "onetrainer")]
    public void Files_of_other_programs_are_shown(string name, string format)
    {
        var cli = Cli.Run("concept", "show", Path.Combine(TestFiles.Embeddings, name), "--json");
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        Assert.Equal(format, cli.Json().GetProperty("format").GetString());
        Assert.NotEqual(0, cli.Json().GetProperty("vectors").GetArrayLength());
        Assert.Equal(ExitCodes.Success, Cli.Run("concept", "show", Path.Combine(TestFiles.Embeddings, name)).ExitCode);
    }

    [Fact]
    public void What_is_no_concept_is_refused()
    {
        using var files = new TestFiles();
        Cli.Run("concept", "show", files.PathOf("none.concept.safetensors")).MustRefuse("none.concept.safetensors", "does not exist");
        Cli.Run("concept", "show", Path.Combine(TestFiles.Embeddings, "not-an-embedding.safetensors")).MustRefuse("not-an-embedding.safetensors");
        var cut = files.PathOf("cut.concept.safetensors");
        File.WriteAllBytes(cut, File.ReadAllBytes(files.Concept())[..^8]);
        Cli.Run("concept", "show", cut).MustRefuse(cut);
        Cli.Run("concept", "show", files.Folder).MustRefuse(files.Folder, "folder");
    }
}
