using System.Text.Json;
using System.Text.Json.Nodes;
using Cones.Models.Imaging;
using Cones.Models.Weights;

namespace Cones.Models.Sam;

/// <summary>Writes SAM as <c>save_pretrained</c> does: a folder that transformers reads too.</summary>
public static class SamFolder
{
    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>Writes <c>config.json</c>, <c>preprocessor_config.json</c> and <c>model.safetensors</c>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">How images are prepared; the longest edge is resized and the rest padded.</param>
    /// <param name="folder">The folder, which is made if it is not there.</param>
    /// <exception cref="ConesException">A file cannot be written.</exception>
    public static void Write(SamModel model, ImageProcessorConfig images, string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{folder} cannot be made ({e.Message}): choose another folder", e);
        }

        WriteJson(Path.Combine(folder, "config.json"), Config(model.Config));
        WriteJson(Path.Combine(folder, "preprocessor_config.json"), Preprocessor(images));
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"),
            model.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value.detach()),
            new Dictionary<string, string> { ["format"] = "pt" });
    }

    /// <summary>The configuration as transformers writes it.</summary>
    public static JsonObject Config(SamConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (vision, prompts, decoder) = (config.Vision, config.PromptEncoder, config.MaskDecoder);
        return new JsonObject
        {
            ["architectures"] = new JsonArray("SamModel"),
            ["model_type"] = "sam",
            ["vision_config"] = new JsonObject
            {
                ["hidden_size"] = vision.HiddenSize,
                ["output_channels"] = vision.OutputChannels,
                ["num_hidden_layers"] = vision.NumHiddenLayers,
                ["num_attention_heads"] = vision.NumAttentionHeads,
                ["num_channels"] = vision.NumChannels,
                ["image_size"] = vision.ImageSize,
                ["patch_size"] = vision.PatchSize,
                ["hidden_act"] = vision.HiddenAct,
                ["layer_norm_eps"] = vision.LayerNormEps,
                ["qkv_bias"] = vision.QkvBias,
                ["use_abs_pos"] = vision.UseAbsPos,
                ["use_rel_pos"] = vision.UseRelPos,
                ["window_size"] = vision.WindowSize,
                ["global_attn_indexes"] = new JsonArray([.. vision.GlobalAttnIndexes.Select(i => (JsonNode)i)]),
                ["num_pos_feats"] = vision.NumPosFeats,
                ["mlp_dim"] = vision.MlpDim,
            },
            ["prompt_encoder_config"] = new JsonObject
            {
                ["hidden_size"] = prompts.HiddenSize,
                ["image_size"] = prompts.ImageSize,
                ["patch_size"] = prompts.PatchSize,
                ["mask_input_channels"] = prompts.MaskInputChannels,
                ["num_point_embeddings"] = prompts.NumPointEmbeddings,
                ["hidden_act"] = prompts.HiddenAct,
                ["layer_norm_eps"] = prompts.LayerNormEps,
            },
            ["mask_decoder_config"] = new JsonObject
            {
                ["hidden_size"] = decoder.HiddenSize,
                ["hidden_act"] = decoder.HiddenAct,
                ["mlp_dim"] = decoder.MlpDim,
                ["num_hidden_layers"] = decoder.NumHiddenLayers,
                ["num_attention_heads"] = decoder.NumAttentionHeads,
                ["attention_downsample_rate"] = decoder.AttentionDownsampleRate,
                ["num_multimask_outputs"] = decoder.NumMultimaskOutputs,
                ["iou_head_depth"] = decoder.IouHeadDepth,
                ["iou_head_hidden_dim"] = decoder.IouHeadHiddenDim,
                ["layer_norm_eps"] = decoder.LayerNormEps,
            },
        };
    }

    static JsonObject Preprocessor(ImageProcessorConfig images)
    {
        var json = new JsonObject
        {
            ["image_processor_type"] = "SamImageProcessor",
            ["do_resize"] = images.DoResize,
            ["resample"] = (int)images.Resample,
            ["do_rescale"] = images.DoRescale,
            ["rescale_factor"] = images.RescaleFactor,
            ["do_normalize"] = images.DoNormalize,
            ["image_mean"] = new JsonArray([.. images.ImageMean.Select(v => (JsonNode)v)]),
            ["image_std"] = new JsonArray([.. images.ImageStd.Select(v => (JsonNode)v)]),
            ["do_pad"] = images.DoPad,
        };
        if (images.Size.LongestEdge is { } edge) json["size"] = new JsonObject { ["longest_edge"] = edge };
        else if (images.Size is { Height: { } height, Width: { } width }) json["size"] = new JsonObject { ["height"] = height, ["width"] = width };
        if (images.PadSize is { } pad) json["pad_size"] = new JsonObject { ["height"] = pad.Height, ["width"] = pad.Width };
        return json;
    }

    static void WriteJson(string path, JsonObject json) =>
        AtomicFile.Write(path, s => s.Write(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString(s_indented) + "\n")));
}
