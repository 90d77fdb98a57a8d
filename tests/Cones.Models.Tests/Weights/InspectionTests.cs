using System.Text.Json;
using Cones.Models.Weights;
using Cones.Models.Weights.Inspection;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Weights;

public sealed class InspectionTests : WeightsFixture
{
    [Fact]
    public void A_folder_is_listed_recognised_and_compared()
    {
        File.WriteAllText(PathOf("config.json"), """{"_class_name":"Two"}""");
        SafetensorsWriter.Write(PathOf("model.safetensors"), new Dictionary<string, Tensor> { ["a"] = Counting(2).to(ScalarType.Float16), ["n"] = tensor(1L) });
        var built = new List<string>();
        var models = new InspectableModel("Two", folder =>
        {
            built.Add(folder);
            return new ModelLoaderTests.TwoWeights();
        });
        var report = CheckpointInspection.Inspect(Folder, [models]);
        Assert.Equal("Two", report.Family);
        Assert.Equal(PathOf("config.json"), report.FamilySource);
        Assert.Equal(CheckpointFormat.Safetensors, report.Format);
        Assert.Equal(2, report.Parameters);
        Assert.Equal(12, report.Bytes);
        Assert.Equal([Folder], built);
        Assert.Equal(["b [3]"], report.Fit!.Missing);
        Assert.Equal(["n"], report.Fit.Unexpected);
        Assert.False(report.Fit.Fits);
    }

    [Fact]
    public void A_model_that_cannot_be_built_is_a_problem_and_no_crash()
    {
        File.WriteAllText(PathOf("config.json"), """{"architectures":["Two"]}""");
        SafetensorsWriter.Write(PathOf("model.safetensors"), new Dictionary<string, Tensor> { ["a"] = Counting(2) });
        var report = CheckpointInspection.Inspect(Folder, [new InspectableModel("Two", _ => throw new ConesException("7 heads do not divide 12"))]);
        Assert.Contains("7 heads", report.Problem, StringComparison.Ordinal);
        Assert.Single(report.Tensors);
    }

    [Fact]
    public void A_pipeline_reports_its_parts_also_broken_ones()
    {
        File.WriteAllText(PathOf("model_index.json"), """{"_class_name":"StableDiffusionPipeline"}""");
        File.WriteAllText(PathOf("unet/config.json"), """{"_class_name":"UNet2DConditionModel"}""");
        SafetensorsWriter.Write(PathOf("unet/diffusion_pytorch_model.safetensors"), new Dictionary<string, Tensor> { ["a"] = Counting(2) });
        File.WriteAllText(PathOf("vae/config.json"), """{"_class_name":"AutoencoderKL"}""");
        File.WriteAllText(PathOf("scheduler/scheduler_config.json"), "{}");
        var report = CheckpointInspection.Inspect(Folder);
        Assert.Equal("StableDiffusionPipeline", report.Family);
        Assert.Equal(["UNet2DConditionModel", null], report.Components.Select(c => c.Family));
        Assert.Contains("has no weights", report.Components[1].Problem, StringComparison.Ordinal);
        Assert.Equal(2, report.Parameters);
    }

    [Theory]
    [InlineData("UNet2DConditionModel", "conv_in.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight", "conv_out.weight")]
    [InlineData("CLIPTextModel", "text_model.embeddings.token_embedding.weight", "text_model.final_layer_norm.weight")]
    [InlineData("CLIPTextModelWithProjection", "text_model.embeddings.token_embedding.weight", "text_projection.weight")]
    [InlineData("CLIPModel", "text_model.embeddings.token_embedding.weight", "vision_model.embeddings.class_embedding", "logit_scale", "text_projection.weight")]
    [InlineData("GLIP", "module.backbone.body.patch_embed.proj.weight", "module.language_backbone.body.model.x", "module.rpn.head.x")]
    [InlineData("MMGroundingDinoForObjectDetection", "model.text_backbone.x", "model.backbone.conv_encoder.x", "class_embed.0.bias")]
    [InlineData("GroundingDinoForObjectDetection", "model.text_backbone.x", "model.backbone.conv_encoder.x")]
    [InlineData("SamModel", "vision_encoder.patch_embed.projection.weight", "mask_decoder.iou_prediction_head.x")]
    [InlineData("Sam3Model", "detr_decoder.x", "geometry_encoder.x", "text_encoder.text_model.x")]
    [InlineData("SwinForImageClassification", "swin.embeddings.patch_embeddings.projection.weight", "classifier.weight")]
    [InlineData("BertForPreTraining", "bert.embeddings.word_embeddings.weight", "cls.predictions.bias", "cls.seq_relationship.weight")]
    [InlineData("BertModel", "embeddings.word_embeddings.weight", "encoder.layer.0.x")]
    [InlineData(FamilyRecognition.SingleFile, "model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.x")]
    [InlineData(FamilyRecognition.Embedding, "<cat>")]
    [InlineData(FamilyRecognition.Embedding, "clip_l", "clip_g")]
    [InlineData("LoRA", "lora_unet_down.weight")]
    [InlineData(null, "anything")]
    public void Families_are_recognised_from_keys(string? family, params string[] keys)
    {
        SafetensorsWriter.Write(PathOf("a.safetensors"), keys.ToDictionary(k => k, _ => Counting(1, 2)));
        Assert.Equal(family, CheckpointInspection.Inspect(PathOf("a.safetensors")).Family);
    }

    [Fact]
    public void Embeddings_of_other_programs_and_concepts_are_recognised()
    {
        TorchWriter.Write(PathOf("a.pt"), new Dictionary<string, object?> { ["string_to_param"] = new Dictionary<string, Tensor> { ["*"] = Counting(1, 4) }, ["name"] = "x" });
        Assert.Equal(FamilyRecognition.Embedding, CheckpointInspection.Inspect(PathOf("a.pt")).Family);
        SafetensorsWriter.Write(PathOf("b.safetensors"), new Dictionary<string, Tensor> { ["concept.dog"] = Counting(1, 4) }, new Dictionary<string, string> { ["format"] = "cones.concept" });
        Assert.Equal(FamilyRecognition.Concept, CheckpointInspection.Inspect(PathOf("b.safetensors")).Family);
    }

    /// <summary>The key lists of published checkpoints that lie with the golden cases.</summary>
    [Theory]
    [InlineData("generation", "sd15-unet", "UNet2DConditionModel")]
    [InlineData("generation", "sdxl-base-unet", "UNet2DConditionModel")]
    [InlineData("generation", "sd15-vae-legacy-keys", "AutoencoderKL")]
    [InlineData("generation", "taesd", "AutoencoderTiny")]
    [InlineData("generation", "sdxl-text_encoder_2", "CLIPTextModelWithProjection")]
    [InlineData("generation", "sd21-text_encoder", "CLIPTextModel")]
    [InlineData("clip", "clip-vit-large-patch14", "CLIPModel")]
    [InlineData("glip", "glip_tiny_fused", "GLIP")]
    [InlineData("glip", "glip_large", "GLIP")]
    [InlineData("grounding-dino", "grounding-dino-tiny", "GroundingDinoForObjectDetection")]
    [InlineData("grounding-dino", "mm_grounding_dino_tiny_o365v1_goldg", "MMGroundingDinoForObjectDetection")]
    [InlineData("sam", "facebook-sam-vit-base", "SamModel")]
    [InlineData("sam3", "facebook-sam3-Sam3Model", "Sam3Model")]
    [InlineData("sam3", "facebook-sam3-Sam3VideoModel", "Sam3VideoModel")]
    [InlineData("swin", "swin-tiny-patch4-window7-224", "SwinForImageClassification")]
    [InlineData("bert", "bert-base-uncased-pretraining", "BertForPreTraining")]
    [InlineData("bert", "bert-base-uncased", "BertModel")]
    public void Published_checkpoints_are_recognised(string area, string name, string family)
    {
        var path = Path.Combine(ProjectFolder(), "tests", "goldens", area, "manifests", $"{name}.json");
        if (!File.Exists(path)) Assert.Skip($"tests/goldens/{area} is not here");
        using var manifest = JsonDocument.Parse(File.ReadAllText(path));
        using var checkpoint = new ListedCheckpoint(manifest.RootElement.EnumerateObject().ToDictionary(p => p.Name, _ => new TensorInfo(DType.F32, [1])));
        Assert.Equal(family, FamilyRecognition.FromKeys(checkpoint));
    }

    static string ProjectFolder()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "cones.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    sealed class ListedCheckpoint(IReadOnlyDictionary<string, TensorInfo> tensors) : ICheckpoint
    {
        public string Path => "listed";

        public IReadOnlyDictionary<string, TensorInfo> Tensors => tensors;

        public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

        public Tensor Read(string key, ScalarType? type = null) => throw new NotSupportedException();

        public void Dispose()
        {
            // Nothing is open.
        }
    }
}
