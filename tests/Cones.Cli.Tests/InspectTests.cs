using System.Text.Json.Nodes;

namespace Cones.Cli.Tests;

public class InspectTests
{
    [Fact]
    public void Every_component_of_the_embedded_pipeline_fits()
    {
        var cli = Cli.Run("models", "inspect", TestFiles.Model, "--json");
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        var json = cli.Json();
        Assert.Equal("StableDiffusionPipeline", json.GetProperty("family").GetString());
        var parts = json.GetProperty("components").EnumerateArray().ToArray();
        Assert.Equal(["CLIPTextModel", "UNet2DConditionModel", "AutoencoderKL"], parts.Select(p => p.GetProperty("family").GetString()));
        Assert.All(parts, p => Assert.True(p.GetProperty("fit").GetProperty("fits").GetBoolean()));
        Assert.Equal(parts.Sum(p => p.GetProperty("parameters").GetInt64()), json.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public void A_joint_clip_model_fits_and_its_keys_are_listed()
    {
        var cli = Cli.Run("models", "inspect", TestFiles.Clip, "--keys");
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        Assert.Contains("logit_scale", cli.Output);
        Assert.Contains("fits", cli.Output);
        var json = Cli.Run("models", "inspect", TestFiles.Clip, "--keys", "--json").Json();
        Assert.Equal(json.GetProperty("tensor_count").GetInt32(), json.GetProperty("tensors").GetArrayLength());
    }

    [Theory]
    [InlineData("sam/model_a", "SamModel")]
    [InlineData("sam3/model", "Sam3Model")]
    public void A_segmentation_model_fits(string folder, string family)
    {
        var json = Cli.Run("models", "inspect", Path.Combine(TestFiles.Root, "tests", "goldens", folder), "--json").Json();
        Assert.Equal(family, json.GetProperty("family").GetString());
        Assert.True(json.GetProperty("fit").GetProperty("fits").GetBoolean());
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        using var files = new TestFiles();
        var folder = files.PathOf("unet");
        TestFiles.CopyFolder(Path.Combine(TestFiles.Model, "unet"), folder);
        var path = Path.Combine(folder, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config["in_channels"] = config["in_channels"]!.GetValue<int>() + 5;
        File.WriteAllText(path, config.ToJsonString());

        var cli = Cli.Run("models", "inspect", folder);
        Assert.Equal(ExitCodes.BadInput, cli.ExitCode);
        Assert.Contains("does not fit", cli.Output);
        Assert.Contains("conv_in.weight: [", cli.Output);
        var fit = Cli.Run("models", "inspect", folder, "--json").Json().GetProperty("fit");
        Assert.Equal(1, fit.GetProperty("mismatched").GetArrayLength());
        Assert.Equal(0, fit.GetProperty("missing").GetArrayLength());
    }

    [Fact]
    public void A_broken_part_of_a_pipeline_does_not_hide_the_others()
    {
        using var files = new TestFiles();
        var folder = files.PathOf("pipeline");
        TestFiles.CopyFolder(TestFiles.Model, folder);
        File.WriteAllText(Path.Combine(folder, "vae", "diffusion_pytorch_model.safetensors"), "<html>");
        var cli = Cli.Run("models", "inspect", folder, "--json");
        Assert.Equal(ExitCodes.BadInput, cli.ExitCode);
        var parts = cli.Json().GetProperty("components").EnumerateArray().ToArray();
        Assert.Equal(3, parts.Length);
        Assert.Contains("diffusion_pytorch_model.safetensors", parts[2].GetProperty("problem").GetString());
        Assert.True(parts[1].GetProperty("fit").GetProperty("fits").GetBoolean());
    }

    [Theory]
    [InlineData("no-such-file.safetensors", "does not exist")]
    [InlineData("no-such-org/no-such-model", "Hugging Face cache")]
    [InlineData("/no/such/folder", "does not exist")]
    public void What_is_not_there_is_refused(string path, string message) => Cli.Run("models", "inspect", path).MustRefuse(path, message);

    [Fact]
    public void A_truncated_file_is_refused()
    {
        using var files = new TestFiles();
        var path = files.PathOf("cut.safetensors");
        File.WriteAllBytes(path, File.ReadAllBytes(Path.Combine(TestFiles.Clip, "model.safetensors"))[..5000]);
        Cli.Run("models", "inspect", path).MustRefuse(path);
    }

    [Fact]
    public void An_empty_folder_is_refused()
    {
        using var files = new TestFiles();
        Cli.Run("models", "inspect", files.Folder).MustRefuse(files.Folder, "no weights");
    }

    [Theory]
    [InlineData("os_system.pt")]
    [InlineData("builtins_exec.pt")]
    [InlineData("legacy_evil.pth")]
    [InlineData("zip_bomb_pickle.pt")]
    [InlineData("zip_truncated.pt")]
    [InlineData("bare_pickle_evil.pt")]
    public void Malicious_pickles_are_refused(string name)
    {
        var path = Path.Combine(TestFiles.Weights, "torch_malicious", name);
        Cli.Run("models", "inspect", path).MustRefuse(name);
        Cli.Run("concept", "show", path).MustRefuse(name);
    }

    [Fact]
    public void Names_in_a_file_cannot_reach_the_terminal()
    {
        var cli = Cli.Run("models", "inspect", Path.Combine(TestFiles.Weights, "safetensors_valid", "names.safetensors"), "--keys");
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        Assert.DoesNotContain(cli.Output, c => char.IsControl(c) && c is not '\n' and not '\r');
    }
}
