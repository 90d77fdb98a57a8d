using Cones.Concepts;
using Cones.Concepts.Formats;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Cli.Tests;

public class ConceptConvertTests
{
    [Theory]
    [InlineData("learned_embeds.safetensors", "out.pt", null, EmbeddingFormat.A1111)]
    [InlineData("learned_embeds.safetensors", "out.safetensors", "kohya", EmbeddingFormat.Kohya)]
    [InlineData("a1111.pt", "out.safetensors", null, EmbeddingFormat.Diffusers)]
    [InlineData("a1111.pt", "out.safetensors", "onetrainer", EmbeddingFormat.OneTrainer)]
    [InlineData("kohya-sd15.safetensors", "out.bin", null, EmbeddingFormat.Diffusers)]
    [InlineData("kohya-sdxl.safetensors", "out.safetensors", "onetrainer", EmbeddingFormat.Kohya)] // the same keys
    public void Input_embeddings_keep_their_numbers_in_every_format(string input, string output, string? to, EmbeddingFormat expected)
    {
        using var files = new TestFiles();
        var source = Path.Combine(TestFiles.Embeddings, input);
        var target = files.PathOf(output);
        var cli = Cli.Run(["concept", "convert", source, "-o", target, .. to is null ? Array.Empty<string>() : ["--to", to]]);
        Assert.Equal("", cli.Error);
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        using var before = EmbeddingFile.Read(source);
        using var after = EmbeddingFile.Read(target);
        Assert.Equal(expected, after.Format);
        foreach (var (encoder, vectors) in before.InputEmbeddings) MustEqual(vectors, after.InputEmbeddings[encoder]);
    }

    [Fact]
    public void The_name_can_be_given()
    {
        using var files = new TestFiles();
        var target = files.PathOf("out.bin");
        Assert.Equal(0, Cli.Run("concept", "convert", Path.Combine(TestFiles.Embeddings, "a1111.pt"), "-o", target, "--name", "<dog>").ExitCode);
        using var file = EmbeddingFile.Read(target);
        Assert.Equal("<dog>", file.Placeholder);
    }

    [Fact]
    public void The_result_can_be_had_as_json()
    {
        using var files = new TestFiles();
        var json = Cli.Run("concept", "convert", files.Concept(method: "pseudo-word"), "-o", files.PathOf("w.pt"), "--json").Json();
        Assert.Equal(("a1111", "<toy>"), (json.GetProperty("format").GetString(), json.GetProperty("name").GetString()));
    }

    [Fact]
    public void A_concept_that_overwrites_goes_to_onetrainer_and_back()
    {
        using var files = new TestFiles();
        var (path, middle, back) = (files.Concept(), files.PathOf("o.safetensors"), files.PathOf("back.concept.safetensors"));
        Assert.Equal(0, Cli.Run("concept", "convert", path, "-o", middle).ExitCode);
        using (var other = EmbeddingFile.Read(middle))
            Assert.Equal((EmbeddingFormat.OneTrainer, 1, 0), (other.Format, other.OutputEmbeddings.Count, other.InputEmbeddings.Count));
        var cli = Cli.Run("concept", "convert", middle, "-o", back, "--model", TestFiles.Model, "--name", "<toy>", "--base-text", "toy");
        Assert.Equal("", cli.Error);
        using var first = ConceptFile.Load(path);
        using var last = ConceptFile.Load(back);
        MustEqual(first.Concepts[0].Embeddings, last.Concepts[0].Embeddings);
        Assert.Equal((first.Metadata.Method, first.Metadata.SlotRule, first.Metadata.ModelFingerprint, "toy"), (last.Metadata.Method, last.Metadata.SlotRule, last.Metadata.ModelFingerprint, last.Metadata.BaseText));
    }

    [Fact]
    public void A_pseudo_word_goes_to_the_web_ui_and_back()
    {
        using var files = new TestFiles();
        var (path, middle, back) = (files.Concept(method: "pseudo-word"), files.PathOf("w.pt"), files.PathOf("back.concept.safetensors"));
        Assert.Equal(0, Cli.Run("concept", "convert", path, "-o", middle).ExitCode);
        Assert.Equal(0, Cli.Run("concept", "convert", middle, "-o", back, "--model", TestFiles.Model).ExitCode);
        using var first = ConceptFile.Load(path);
        using var last = ConceptFile.Load(back);
        Assert.Equal(("<toy>", "pseudo-word"), (last.Concepts[0].Name, last.Metadata.Method));
        MustEqual(first.Concepts[0].Embeddings, last.Concepts[0].Embeddings);
    }

    [Theory]
    [InlineData(SlotRule.FullWithStart)]
    [InlineData(SlotRule.Full)]
    public void A_full_sequence_becomes_a_prompt(SlotRule rule)
    {
        using var files = new TestFiles();
        var (path, target) = (files.Concept(rule), files.PathOf("p.safetensors"));
        var cli = Cli.Run("concept", "convert", path, "-o", target, "--model", TestFiles.Model);
        Assert.Equal("", cli.Error);
        using var concept = ConceptFile.Load(path);
        using var other = EmbeddingFile.Read(target);
        Assert.Equal(EmbeddingFormat.PromptEmbeds, other.Format);
        Assert.Equal([1, 77, TestFiles.GenerationModelDim()], other.Prompt!.Embeddings.shape);
        var count = concept.Concepts[0].Embeddings.shape[0];
        using var end = other.Prompt.Embeddings[0].narrow(0, 77 - count, count);
        MustEqual(concept.Concepts[0].Embeddings, end);
    }

    [Fact]
    public void What_cannot_be_converted_is_refused_in_one_sentence()
    {
        using var files = new TestFiles();
        var (overwrite, delta) = (files.Concept(), files.Concept(SlotRule.Delta, name: "delta"));
        var (full, layers) = (files.Concept(SlotRule.Full, name: "full"), files.Concept(layers: true, name: "layers"));
        var other = files.Concept(fingerprint: new string('0', 64), name: "other");
        var (pt, safetensors, own) = (files.PathOf("o.pt"), files.PathOf("o.safetensors"), files.PathOf("o.concept.safetensors"));
        var diffusers = Path.Combine(TestFiles.Embeddings, "learned_embeds.safetensors");

        Refuse("output of the text encoder", overwrite, "-o", pt, "--to", "a1111");
        Refuse("no whole prompt", overwrite, "-o", safetensors, "--to", "prompt-embeds");
        Refuse("rule 'delta'", delta, "-o", safetensors);
        Refuse("--model", full, "-o", safetensors);
        Refuse("2 layers", layers, "-o", safetensors);
        Refuse("another model", other, "-o", safetensors, "--model", TestFiles.Model);
        Refuse("already", overwrite, "-o", own);
        Refuse("--model", diffusers, "-o", own);
        Refuse("dimensions", diffusers, "-o", own, "--model", TestFiles.Model);
        Refuse("two text encoders", Path.Combine(TestFiles.Embeddings, "kohya-sdxl.safetensors"), "-o", own, "--model", TestFiles.Model);
        Refuse("both ends", Path.Combine(TestFiles.Embeddings, "onetrainer-sd15-both.safetensors"), "-o", own, "--model", TestFiles.Model);
        Refuse("extension", diffusers, "-o", files.PathOf("o.txt"));
        Refuse("no concept '<cat>'", overwrite, "-o", safetensors, "--concept", "<cat>");
        Refuse("to be read", overwrite, "-o", overwrite);
        Refuse("does not exist", files.PathOf("none.pt"), "-o", safetensors);
        Refuse("does not exist", diffusers, "-o", files.PathOf("no/such/folder/o.safetensors"));
        Assert.Empty(Directory.GetFiles(files.Folder, "o.*"));

        static void Refuse(string message, params string[] args) => Cli.Run(["concept", "convert", .. args]).MustRefuse(message);
    }

    [Fact]
    public void A_folder_that_may_not_be_written_is_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "root may write everywhere");
        using var files = new TestFiles();
        var folder = Directory.CreateDirectory(files.PathOf("locked")).FullName;
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Cli.Run("concept", "convert", Path.Combine(TestFiles.Embeddings, "a1111.pt"), "-o", Path.Combine(folder, "o.bin")).MustRefuse(folder, "permissions");
    }

    static void MustEqual(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(expected.contiguous().data<float>().ToArray(), actual.contiguous().data<float>().ToArray());
    }
}
