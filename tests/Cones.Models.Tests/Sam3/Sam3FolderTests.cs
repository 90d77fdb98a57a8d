using Cones.Models.Imaging;
using Cones.Models.Sam3;
using Cones.Models.Tests.Clip;
using Cones.Models.Tests.Weights;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam3;

public sealed class Sam3FolderTests : WeightsFixture
{
    static readonly string s_model = ClipTestModels.Golden("sam3/model");

    [Fact]
    public void The_video_models_folder_gives_the_same_model()
    {
        var config = File.ReadAllText(Path.Combine(s_model, "config.json"));
        File.WriteAllText(PathOf("config.json"), $$"""{ "model_type": "sam3_video", "detector_config": {{config}} }""");
        using (var source = Checkpoint.Open(s_model))
        {
            SafetensorsWriter.Write(
                PathOf("model.safetensors"),
                source.Tensors.Keys.Select(k => KeyValuePair.Create("detector_model." + k, source.Read(k)))
                    .Append(new("tracker_model.no_memory_embedding", zeros(1, 1, 8)))
                    .Append(new("tracker_neck.fpn_layers.0.proj1.bias", zeros(8)))
                    .ToDictionary());
        }

        using var image = Sam3Model.FromFolder(s_model);
        using var video = Sam3Model.FromFolder(Folder);
        var (pixels, text) = (randn(1, 3, 40, 40), randn(1, 3, 24));
        Assert.True(Same(image.Forward(image.EncodeImage(pixels), text).PredMasks, video.Forward(video.EncodeImage(pixels), text).PredMasks));
    }

    [Fact]
    public void The_text_tower_may_be_written_without_its_prefix()
    {
        Assert.Equal("text_encoder.text_model.embeddings.token_embedding.weight", Sam3Keys.Rename("text_encoder.embeddings.token_embedding.weight"));
        Assert.Equal("text_encoder.text_projection.weight", Sam3Keys.Rename("detector_model.text_encoder.text_projection.weight"));
        Assert.Null(Sam3Keys.Rename("text_encoder.text_model.embeddings.position_ids"));
        Assert.Null(Sam3Keys.Rename("tracker_model.no_memory_embedding"));
        Assert.Equal("detr_encoder.layers.0.layer_norm1.bias", Sam3Keys.Rename("detr_encoder.layers.0.layer_norm1.bias"));
    }

    [Fact]
    public void Images_are_squeezed_to_the_models_square()
    {
        var processor = new ImageProcessor(ImageProcessorConfig.Sam3FromFile(Path.Combine(s_model, "preprocessor_config.json")));
        using var batch = processor.Preprocess(RgbImage.Filled(80, 50, new Rgb(255, 0, 0)));
        Assert.Equal([1, 3, 40, 40], batch.PixelValues.shape);
        Assert.Equal([1, -1, -1], batch.PixelValues[0, .., 39, 39].data<float>().ToArray());
        using var real = new ImageProcessor(ImageProcessorConfig.Sam3).Preprocess(RgbImage.Filled(8, 8, new Rgb(0, 0, 0)));
        Assert.Equal([1, 3, 1008, 1008], real.PixelValues.shape);
    }

    [Fact]
    public void A_folder_without_a_model_is_named_to_the_user() => Assert.Contains(Folder, Message(() => Sam3Model.FromFolder(Folder)));
}
