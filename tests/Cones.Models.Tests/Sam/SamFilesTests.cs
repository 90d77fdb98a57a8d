using System.Text.RegularExpressions;
using Cones.Models.Clip;
using Cones.Models.Sam;
using Cones.Models.Tests.Clip;
using Cones.Models.Tests.Manifests;
using Cones.Models.Tests.Weights;
using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam;

public sealed class SamFilesTests : WeightsFixture
{
    const string Positions = "shared_image_embedding.positional_embedding";
    const string TiedPositions = "prompt_encoder.shared_embedding.positional_embedding";

    static readonly string s_model = ClipTestModels.Golden("sam/model_a");

    // Ours to Meta's, in this order.
    static readonly (string Pattern, string Meta)[] s_toMeta =
    [
        (@"^shared_image_embedding\.positional_embedding$", "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"),
        (@"iou_prediction_head\.proj_out", "iou_prediction_head.layers.2"),
        (@"iou_prediction_head\.layers\.0", "iou_prediction_head.layers.1"),
        (@"iou_prediction_head\.proj_in", "iou_prediction_head.layers.0"),
        (@"(hypernetworks_mlps\.\d+)\.proj_out", "$1.layers.2"),
        (@"(hypernetworks_mlps\.\d+)\.layers\.0", "$1.layers.1"),
        (@"(hypernetworks_mlps\.\d+)\.proj_in", "$1.layers.0"),
        (@"mask_decoder\.upscale_conv1", "mask_decoder.output_upscaling.0"),
        (@"mask_decoder\.upscale_layer_norm", "mask_decoder.output_upscaling.1"),
        (@"mask_decoder\.upscale_conv2", "mask_decoder.output_upscaling.3"),
        (@"mask_embed\.conv1", "mask_downscaling.0"),
        (@"mask_embed\.layer_norm1", "mask_downscaling.1"),
        (@"mask_embed\.conv2", "mask_downscaling.3"),
        (@"mask_embed\.layer_norm2", "mask_downscaling.4"),
        (@"mask_embed\.conv3", "mask_downscaling.6"),
        (@"prompt_encoder\.point_embed\.", "prompt_encoder.point_embeddings."),
        (@"vision_encoder\.neck\.conv1", "image_encoder.neck.0"),
        (@"vision_encoder\.neck\.layer_norm1", "image_encoder.neck.1"),
        (@"vision_encoder\.neck\.conv2", "image_encoder.neck.2"),
        (@"vision_encoder\.neck\.layer_norm2", "image_encoder.neck.3"),
        (@"vision_encoder\.patch_embed\.projection", "image_encoder.patch_embed.proj"),
        (@"vision_encoder\.layers", "image_encoder.blocks"),
        (@"vision_encoder\.", "image_encoder."),
        (@"\.layer_norm", ".norm"),
    ];

    [Fact]
    public void A_file_of_Metas_layout_gives_the_same_model()
    {
        using var ours = SamModel.FromFolder(s_model);
        var path = WriteMeta();
        var pixels = randn(1, 3, 40, 40);
        var prompts = new SamPrompts { Boxes = tensor(new float[] { 3, 4, 30, 20 }).view(1, 1, 4), Masks = randn(1, 1, 40, 40) };
        var expected = ours.Forward(pixels, prompts);
        using var meta = SamModel.FromFile(path, ours.Config);
        var actual = meta.Forward(pixels, prompts);
        Assert.True(Same(expected.PredMasks, actual.PredMasks));
        Assert.True(Same(expected.IouScores, actual.IouScores));
    }

    [Fact]
    public void Its_shape_is_inferred_from_its_tensors()
    {
        using var ours = SamModel.FromFolder(s_model);
        WriteMeta();
        using var meta = SamModel.FromFolder(Folder);
        // The heads of the mask decoder leave no trace: 8 are published.
        var expected = ours.Config with { MaskDecoder = ours.Config.MaskDecoder with { NumAttentionHeads = 8 } };
        Assert.Equal(expected.MaskDecoder, meta.Config.MaskDecoder);
        Assert.Equal(expected.PromptEncoder, meta.Config.PromptEncoder);
        Assert.Equal(expected.Vision.GlobalAttnIndexes, meta.Config.Vision.GlobalAttnIndexes);
        Assert.Equal(expected.Vision with { GlobalAttnIndexes = [] }, meta.Config.Vision with { GlobalAttnIndexes = [] });
    }

    [Theory]
    [InlineData("base")]
    [InlineData("large")]
    [InlineData("huge")]
    public void The_published_shapes_are_inferred_from_Metas_files(string size)
    {
        using var manifest = new ManifestCheckpoint(ClipTestModels.Golden($"sam/manifests/facebook-sam-vit-{size}.json"));
        using var meta = new MetaCheckpoint(manifest);
        var expected = size switch { "base" => SamConfig.Base, "large" => SamConfig.Large, _ => SamConfig.Huge };
        var config = SamMetaConfig.Infer(meta);
        Assert.Equal(expected.Vision.GlobalAttnIndexes, config.Vision.GlobalAttnIndexes);
        Assert.Equal(expected with { Vision = expected.Vision with { GlobalAttnIndexes = [] } }, config with { Vision = config.Vision with { GlobalAttnIndexes = [] } });
        using var model = new SamModel(config);
        Assert.Equal(meta.Tensors.Count, ModelLoader.Match(model, meta, new LoadOptions { Rename = SamKeys.Meta(meta.Tensors.Keys) }).Count);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void The_tied_positions_are_read_from_either_key(bool shared, bool tied)
    {
        var tensors = Read();
        var positions = tensors[Positions];
        tensors.Remove(Positions);
        if (shared) tensors[Positions] = positions;
        if (tied) tensors[TiedPositions] = positions.clone();
        SafetensorsWriter.Write(PathOf("model.safetensors"), tensors);
        File.Copy(Path.Combine(s_model, "config.json"), PathOf("config.json"));
        using var model = SamModel.FromFolder(Folder);
        Assert.True(Same(positions, model.NamedWeights().Single(w => w.Key == Positions).Value.Value));
    }

    [Fact]
    public void Files_that_hold_no_such_model_are_named()
    {
        Assert.Contains(Folder, Message(() => SamModel.FromFolder(Folder)));
        var tensors = Read();
        tensors.Remove("mask_decoder.iou_token.weight");
        SafetensorsWriter.Write(PathOf("model.safetensors"), tensors);
        Assert.Contains("config.json", Message(() => SamModel.FromFolder(Folder)));
        File.Copy(Path.Combine(s_model, "config.json"), PathOf("config.json"));
        Assert.Contains("mask_decoder.iou_token.weight", Message(() => SamModel.FromFolder(Folder)));
        Assert.Contains("image_encoder.patch_embed.proj.weight", Message(() => SamModel.FromFile(PathOf("model.safetensors"))));
    }

    [Fact]
    public void A_file_of_Metas_layout_with_an_impossible_shape_is_refused()
    {
        var path = WriteMeta(tensors => tensors["image_encoder.pos_embed"] = zeros(1, 10, 24));
        Assert.Contains("[1,10,24]", Message(() => SamModel.FromFile(path)));
    }

    string WriteMeta(Action<Dictionary<string, object?>>? change = null)
    {
        var path = PathOf("sam_vit_t.pth");
        var tensors = Read().ToDictionary(t => ToMeta(t.Key), t => (object?)t.Value);
        change?.Invoke(tensors);
        TorchWriter.Write(path, tensors);
        return path;
    }

    static string ToMeta(string key) => s_toMeta.Aggregate(key, (k, rule) => Regex.Replace(k, rule.Pattern, rule.Meta));

    static Dictionary<string, Tensor> Read()
    {
        using var checkpoint = Checkpoint.Open(s_model);
        return checkpoint.Tensors.Keys.ToDictionary(k => k, k => checkpoint.Read(k));
    }

    sealed class MetaCheckpoint(ICheckpoint ours) : ICheckpoint
    {
        public string Path => "sam.pth";

        public IReadOnlyDictionary<string, TensorInfo> Tensors { get; } =
            ours.Tensors.Where(t => t.Key != TiedPositions).ToDictionary(t => ToMeta(t.Key), t => t.Value);

        public IReadOnlyDictionary<string, string> Metadata => ours.Metadata;

        public Tensor Read(string key, ScalarType? type = null) => throw new InvalidOperationException();

        public void Dispose()
        {
        }
    }
}
