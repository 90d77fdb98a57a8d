using Cones.Models.Clip;
using Cones.Models.Weights;
using TorchSharp;
using static Cones.Models.Tests.Clip.ClipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Clip;

public sealed class ClipFolderTests : IDisposable
{
    static readonly string s_joint = Golden("clip/model-contrastive/model");
    static readonly string s_text = Golden("clip/text-quickgelu-legacy-eos/model");

    readonly DisposeScope _scope = NewDisposeScope();
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("clip");

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void The_towers_of_a_joint_folder_load_alone()
    {
        using var joint = ClipModel.FromFolder(s_joint);
        using var text = ClipTextModel.FromFolder(s_joint);
        using var vision = ClipVisionModel.FromFolder(s_joint);
        var ids = Ids(1, 2, 79);
        var pixels = randn(1, 3, joint.Config.Vision.ImageSize, joint.Config.Vision.ImageSize);
        Assert.True(Same(joint.Text.Forward(ids).TextEmbeds!, text.Forward(ids).TextEmbeds!));
        Assert.True(Same(joint.Vision.Forward(pixels).ImageEmbeds!, vision.Forward(pixels).ImageEmbeds!));
    }

    [Fact]
    public void Weights_take_the_type_asked_for_and_are_frozen()
    {
        using var model = ClipTextModel.FromFolder(s_text, new LoadOptions { Type = ScalarType.Float64 });
        Assert.All(model.NamedWeights(), w => Assert.Equal((ScalarType.Float64, false), (w.Value.Value.dtype, w.Value.Value.requires_grad)));
        Assert.Equal(ScalarType.Float64, model.Forward(Ids(1, 2)).LastHiddenState.dtype);
    }

    [Fact]
    public void Weights_in_several_files_load()
    {
        using var model = ClipTextModel.FromFolder(Golden("generation/sharded-fp16/text_encoder_2"));
        Assert.True(model.HasProjection);
        Assert.All(model.NamedWeights(), w => Assert.True(w.Value.IsLoaded, w.Key));
        Assert.Contains("'bf16'", Assert.Throws<ConesException>(() => ClipTextModel.FromFolder(s_text, variant: "bf16")).Message);
    }

    [Fact]
    public void A_projection_that_the_configuration_promises_must_be_there()
    {
        var config = File.ReadAllText(Path.Combine(s_text, "config.json")).Replace("\"CLIPTextModel\"", "\"CLIPTextModelWithProjection\"");
        File.WriteAllText(Path.Combine(_folder.FullName, "config.json"), config);
        File.Copy(Path.Combine(s_text, "model.safetensors"), Path.Combine(_folder.FullName, "model.safetensors"));
        Assert.Contains("text_projection.weight [20,32]", Assert.Throws<ConesException>(() => ClipTextModel.FromFolder(_folder.FullName)).Message);
    }

    [Fact]
    public void A_folder_without_a_model_is_named_to_the_user()
    {
        Assert.Contains(_folder.FullName, Assert.Throws<ConesException>(() => ClipModel.FromFolder(_folder.FullName)).Message);
        Assert.Contains(s_text, Assert.Throws<ConesException>(() => ClipModel.FromFolder(s_text)).Message);
    }

    [Theory]
    [InlineData("embeddings.token_embedding.weight", "text_model.embeddings.token_embedding.weight")]
    [InlineData("text_model.final_layer_norm.bias", "text_model.final_layer_norm.bias")]
    [InlineData("text_projection.weight", "text_projection.weight")]
    [InlineData("text_model.embeddings.position_ids", null)]
    [InlineData("embeddings.position_ids", null)]
    [InlineData("vision_model.post_layernorm.bias", null)]
    [InlineData("visual_projection.weight", null)]
    [InlineData("logit_scale", null)]
    [InlineData("stray", "stray")]
    public void Keys_of_the_text_tower(string key, string? expected) => Assert.Equal(expected, ClipKeys.Text(key));

    [Theory]
    [InlineData("pre_layrnorm.weight", "vision_model.pre_layrnorm.weight")]
    [InlineData("vision_model.embeddings.class_embedding", "vision_model.embeddings.class_embedding")]
    [InlineData("vision_model.embeddings.position_ids", null)]
    [InlineData("text_model.final_layer_norm.bias", null)]
    public void Keys_of_the_vision_tower(string key, string? expected) => Assert.Equal(expected, ClipKeys.Vision(key));
}
