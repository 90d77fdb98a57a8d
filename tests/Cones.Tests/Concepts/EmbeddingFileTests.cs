using System.IO.Compression;
using Cones.Concepts.Formats;
using Cones.Goldens;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Concepts;

public sealed class EmbeddingFileTests : IDisposable
{
    static readonly string s_samples = Path.Combine(GoldenSuite.ProjectFolder, "tests", "goldens", "generation", "embedding-files");

    readonly string _folder = Directory.CreateTempSubdirectory("cones-").FullName;
    readonly DisposeScope _scope = NewDisposeScope();

    [Theory]
    [InlineData("learned_embeds.safetensors")]
    [InlineData("onetrainer-sd15.safetensors")]
    [InlineData("onetrainer-sd15-out.safetensors")]
    [InlineData("onetrainer-sd15-both.safetensors")]
    [InlineData("onetrainer-sdxl-out.safetensors")]
    [InlineData("onetrainer-sdxl-both.safetensors")]
    [InlineData("kohya-sdxl.safetensors")]
    public void A_safetensors_file_is_written_byte_for_byte_as_its_program_did(string name)
    {
        var path = PathOf(name);
        using (var file = EmbeddingFile.Read(Path.Combine(s_samples, name))) file.Write(path);
        Assert.Equal(File.ReadAllBytes(Path.Combine(s_samples, name)), File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData("learned_embeds.bin")]
    [InlineData("learned_embeds-fp16.bin")]
    [InlineData("kohya-sd15.pt")]
    [InlineData("a1111.pt")]
    public void A_PyTorch_file_holds_the_same_pickle_and_storages_as_its_program_wrote(string name)
    {
        var path = PathOf(name);
        using (var file = EmbeddingFile.Read(Path.Combine(s_samples, name))) file.Write(path);
        var stem = Path.GetFileNameWithoutExtension(name);
        foreach (var entry in new[] { "data.pkl", "data/0", "version", "byteorder" })
            Assert.Equal(Entry(Path.Combine(s_samples, name), $"{stem}/{entry}"), Entry(path, $"{stem}/{entry}"));
    }

    [Fact]
    public void Pseudo_words_can_be_converted_between_all_programs()
    {
        using var file = EmbeddingFile.Read(Path.Combine(s_samples, "learned_embeds.safetensors"));
        foreach (var (format, name) in new[] { (EmbeddingFormat.A1111, "a.pt"), (EmbeddingFormat.Kohya, "k.safetensors"), (EmbeddingFormat.Kohya, "k.pt"), (EmbeddingFormat.OneTrainer, "o.safetensors"), (EmbeddingFormat.Diffusers, "d.bin") })
        {
            file.Write(PathOf(name), format);
            using var again = EmbeddingFile.Read(PathOf(name));
            Assert.Equal(format, again.Format);
            Assert.Equal(file.InputEmbeddings[EmbeddingFile.FirstEncoder].data<float>(), again.InputEmbeddings[EmbeddingFile.FirstEncoder].data<float>());
            Assert.Empty(again.OutputEmbeddings);
        }
    }

    [Fact]
    public void A_placeholder_survives_in_A1111_files()
    {
        using var file = EmbeddingFile.Read(Path.Combine(s_samples, "learned_embeds.safetensors"));
        file.Write(PathOf("a.pt"), EmbeddingFormat.A1111);
        using var again = EmbeddingFile.Read(PathOf("a.pt"));
        Assert.Equal("<cat-toy>", again.Placeholder);
    }

    [Fact]
    public void What_a_format_cannot_hold_is_refused()
    {
        using var output = EmbeddingFile.Read(Path.Combine(s_samples, "onetrainer-sd15-out.safetensors"));
        using var two = EmbeddingFile.Read(Path.Combine(s_samples, "kohya-sdxl.safetensors"));
        using var one = EmbeddingFile.Read(Path.Combine(s_samples, "kohya-sd15.safetensors"));
        Refused("no place for embeddings at the output of the text encoder", () => output.Write(PathOf("a.pt"), EmbeddingFormat.A1111));
        Refused("no place for embeddings at the output of text_encoder", () => output.Write(PathOf("a.safetensors"), EmbeddingFormat.Kohya));
        Refused("no place for embeddings of two text encoders", () => two.Write(PathOf("a.pt"), EmbeddingFormat.A1111));
        Refused("without a placeholder", () => one.Write(PathOf("a.bin"), EmbeddingFormat.Diffusers));
        Refused("no whole prompt", () => one.Write(PathOf("a.safetensors"), EmbeddingFormat.PromptEmbeds));
        Refused("use .pt", () => one.Write(PathOf("a.safetensors"), EmbeddingFormat.A1111));
        Refused("use .safetensors", () => output.Write(PathOf("a.pt")));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Two_encoders_stay_two_from_kohya_to_OneTrainer()
    {
        using var file = EmbeddingFile.Read(Path.Combine(s_samples, "kohya-sdxl.safetensors"));
        Assert.Equal(["clip_l", "clip_g"], file.ToTensors("x", EmbeddingFormat.OneTrainer).Keys.OrderDescending());
        Assert.Equal(12, file.InputEmbeddings[EmbeddingFile.FirstEncoder].shape[1]);
        Assert.Equal(20, file.InputEmbeddings[EmbeddingFile.SecondEncoder].shape[1]);
    }

    [Fact]
    public void A_whole_prompt_is_written_as_the_arguments_of_a_pipeline()
    {
        var prompt = new PromptEmbeddings(rand(1, 77, 8), rand(1, 5), rand(1, 77, 8), rand(1, 5));
        using var file = new EmbeddingFile { Format = EmbeddingFormat.PromptEmbeds, Prompt = prompt, Metadata = new Dictionary<string, string> { ["concept"] = "dog" } };
        file.Write(PathOf("p.safetensors"));
        using var again = EmbeddingFile.Read(PathOf("p.safetensors"));
        Assert.Equal(["negative_pooled_prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "prompt_embeds"], again.ToTensors("x").Keys.Order());
        Assert.Equal(prompt.Embeddings.data<float>(), again.Prompt!.Embeddings.data<float>());
        Assert.Equal(prompt.NegativePooled!.data<float>(), again.Prompt.NegativePooled!.data<float>());
        Assert.Equal("dog", again.Metadata["concept"]);
    }

    [Theory]
    [InlineData("prompt_embeds has shape [2,3,4]", "prompt_embeds:2,3,4")]
    [InlineData("pooled_prompt_embeds has shape [4]", "prompt_embeds:1,3,4", "pooled_prompt_embeds:4")]
    [InlineData("different shapes", "prompt_embeds:1,3,4", "negative_prompt_embeds:1,2,4")]
    [InlineData("different shapes", "prompt_embeds:1,3,4", "negative_pooled_prompt_embeds:1,2")]
    [InlineData("no text embeddings", "prompt_embeds:1,3,4", "clip_l:1,4")]
    [InlineData("no text embeddings", "emb_params:1,4", "clip_l:1,4")]
    [InlineData("no text embeddings", "emb_params:1,4", "emp_params_out:1,4")]
    [InlineData("no text embeddings", "unet.weight:2,2")]
    [InlineData("no text embeddings", "<a>:1,4", "<b>:1,4")]
    [InlineData("no text embeddings")]
    [InlineData("'<a>' has shape [1,2,3]", "<a>:1,2,3")]
    [InlineData("'<a>' has shape [0,3]", "<a>:0,3")]
    [InlineData("2 vectors for clip_g and 3 vectors for clip_l", "clip_l:3,4", "clip_g:2,6")]
    public void Files_that_make_no_sense_are_refused(string cause, params string[] tensors)
    {
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, tensors.Select(t => t.Split(':')).ToDictionary(t => t[0], t => zeros(t[1].Split(',').Select(long.Parse).ToArray())));
        Refused(cause, () => EmbeddingFile.Read(path));
    }

    [Fact]
    public void Numbers_that_are_none_are_refused()
    {
        SafetensorsWriter.Write(PathOf("a.safetensors"), new Dictionary<string, Tensor> { ["<a>"] = full(1, 4, float.NaN) });
        Refused("NaN", () => EmbeddingFile.Read(PathOf("a.safetensors")));
        SafetensorsWriter.Write(PathOf("b.safetensors"), new Dictionary<string, Tensor> { ["<a>"] = zeros(1, 4, dtype: ScalarType.Int64) });
        Refused("of type I64", () => EmbeddingFile.Read(PathOf("b.safetensors")));
    }

    [Fact]
    public void Several_terms_are_listed()
    {
        TorchWriter.Write(PathOf("a.pt"), new Dictionary<string, object?> { ["string_to_param"] = new Dictionary<string, Tensor> { ["x"] = zeros(1, 4), ["y"] = zeros(1, 4) } });
        Refused("holds 2 terms (x, y)", () => EmbeddingFile.Read(PathOf("a.pt")));
        TorchWriter.Write(PathOf("b.pt"), zeros(2, 3));
        Refused("no embeddings by name", () => EmbeddingFile.Read(PathOf("b.pt")));
    }

    [Fact]
    public void Nothing_is_left_of_a_file_that_is_disposed()
    {
        EmbeddingFile.Read(Path.Combine(s_samples, "kohya-sdxl.safetensors")).Dispose();
        var before = Tensor.TotalCount;
        EmbeddingFile.Read(Path.Combine(s_samples, "kohya-sdxl.safetensors")).Dispose();
        EmbeddingFile.Read(Path.Combine(s_samples, "a1111.pt")).Dispose();
        SafetensorsWriter.Write(PathOf("a.safetensors"), new Dictionary<string, Tensor> { ["clip_g"] = Temporary(1), ["clip_l"] = Temporary(float.NaN) });
        Refused("NaN", () => EmbeddingFile.Read(PathOf("a.safetensors")));
        Assert.Equal(before + 2, Tensor.TotalCount);

        static Tensor Temporary(float value) => full(1, 4, value);
    }

    [Fact]
    public void Embeddings_outlive_the_scope_in_which_they_are_read()
    {
        EmbeddingFile file;
        using (NewDisposeScope()) file = EmbeddingFile.Read(Path.Combine(s_samples, "learned_embeds-1d.bin"));
        using (file) Assert.Equal([1, 12], file.InputEmbeddings[EmbeddingFile.FirstEncoder].shape);
    }

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    static void Refused(string cause, Action action) => Assert.Contains(cause, Assert.ThrowsAny<ConesException>(action).Message, StringComparison.Ordinal);

    static byte[] Entry(string path, string name)
    {
        using var zip = ZipFile.OpenRead(path);
        using var stream = zip.GetEntry(name)!.Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    string PathOf(string name) => Path.Combine(_folder, name);
}
