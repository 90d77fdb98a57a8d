using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Weights;

public sealed class CheckpointFolderTests : WeightsFixture
{
    [Fact]
    public void Safetensors_come_first_and_full_precision_before_variants()
    {
        Save("diffusion_pytorch_model.fp16.safetensors");
        Assert.Equal("diffusion_pytorch_model.fp16.safetensors", Found());
        Save("diffusion_pytorch_model.bin");
        Assert.Equal("diffusion_pytorch_model.bin", Found());
        Save("diffusion_pytorch_model.safetensors");
        Assert.Equal("diffusion_pytorch_model.safetensors", Found());
        Assert.Equal("diffusion_pytorch_model.fp16.safetensors", Found("fp16"));
    }

    [Theory]
    [InlineData("model.safetensors.index.json", null)]
    [InlineData("pytorch_model.bin.index.json", null)]
    [InlineData("diffusion_pytorch_model.safetensors.index.fp16.json", "fp16")]
    [InlineData("diffusion_pytorch_model.fp16.safetensors.index.json", "fp16")]
    [InlineData("model.non_ema.safetensors", "non_ema")]
    [InlineData("model.fp16.safetensors", "fp16")]
    public void Every_layout_of_names_is_found(string name, string? variant)
    {
        File.WriteAllText(PathOf(name), "{}");
        Assert.Equal(name, Found(variant));
        Assert.Equal(name, Found());
    }

    [Fact]
    public void Shards_of_PyTorch_files_are_read()
    {
        TorchWriter.Write(PathOf("pytorch_model-00001-of-00002.bin"), new Dictionary<string, Tensor> { ["a"] = Counting(2) });
        TorchWriter.Write(PathOf("pytorch_model-00002-of-00002.bin"), new Dictionary<string, Tensor> { ["b"] = Counting(3), ["extra"] = Counting(1) });
        File.WriteAllText(PathOf("pytorch_model.bin.index.json"), """{"weight_map":{"a":"pytorch_model-00001-of-00002.bin","b":"pytorch_model-00002-of-00002.bin"}}""");
        using var checkpoint = Checkpoint.Open(Folder);
        Assert.Equal(["a", "b"], checkpoint.Tensors.Keys);
        Assert.Equal([0f, 1, 2], checkpoint.Read("b").data<float>());
    }

    [Fact]
    public void An_index_of_itself_is_refused()
    {
        var path = PathOf("model.safetensors.index.json");
        File.WriteAllText(path, """{"weight_map":{"a":"model.safetensors.index.json"}}""");
        Assert.Contains("is no shard but JSON", Message(() => Checkpoint.Open(path)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_variant_lists_what_there_is()
    {
        Save("model.fp16.safetensors");
        Assert.Contains("no weights of the variant 'bf16' (it has: fp16)", Message(() => Checkpoint.Open(Folder, "bf16")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_file_of_any_name_will_do_but_not_two()
    {
        Assert.Contains("has no weights", Message(() => Checkpoint.Open(Folder)), StringComparison.Ordinal);
        Save("glip_tiny.pth");
        Assert.Equal("glip_tiny.pth", Found());
        Save("other.safetensors");
        Assert.Contains("glip_tiny.pth, other.safetensors", Message(() => Checkpoint.Open(Folder)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipeline_names_its_components()
    {
        File.WriteAllText(PathOf("model_index.json"), "{}");
        File.WriteAllText(PathOf("unet/config.json"), "{}");
        File.WriteAllText(PathOf("vae/config.json"), "{}");
        Assert.Contains("(unet, vae)", Message(() => Checkpoint.Open(Folder)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull")]
    [InlineData("<!DOCTYPE html><html>", "web page")]
    [InlineData("GGUF\u0003\0\0\0", "GGUF")]
    [InlineData("some text", "neither")]
    [InlineData("", "neither")]
    public void Other_files_are_told_apart(string content, string hint)
    {
        var path = PathOf("a.bin");
        File.WriteAllText(path, content);
        Assert.Contains(hint, Message(() => Checkpoint.Open(path)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_extension_does_not_matter()
    {
        Save("a.pt");
        File.Move(PathOf("a.pt"), PathOf("a.safetensors"));
        using var checkpoint = Checkpoint.Open(PathOf("a.safetensors"));
        Assert.Equal(["w"], checkpoint.Tensors.Keys);
    }

    string Found(string? variant = null) => Path.GetFileName(CheckpointFolder.FindWeights(Folder, variant));

    void Save(string name)
    {
        var tensors = new Dictionary<string, Tensor> { ["w"] = Counting(2) };
        if (name.EndsWith("safetensors", StringComparison.Ordinal)) SafetensorsWriter.Write(PathOf(name), tensors);
        else TorchWriter.Write(PathOf(name), tensors);
    }
}
