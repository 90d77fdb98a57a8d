using System.Text.Json.Nodes;
using Cones.Models.Clip;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;

namespace Cones.Pretraining.Recipes;

/// <summary>Configurations as diffusers and transformers write them.</summary>
static class ModelConfigs
{
    /// <summary><c>config.json</c> of an AutoencoderKL.</summary>
    public static JsonObject Vae(AutoencoderKLConfig c, int side) => new()
    {
        ["_class_name"] = "AutoencoderKL",
        ["act_fn"] = c.ActFn,
        ["block_out_channels"] = Array(c.BlockOutChannels),
        ["down_block_types"] = Array(c.BlockOutChannels.Select(_ => "DownEncoderBlock2D")),
        ["force_upcast"] = true,
        ["in_channels"] = c.InChannels,
        ["latent_channels"] = c.LatentChannels,
        ["layers_per_block"] = c.LayersPerBlock,
        ["mid_block_add_attention"] = c.MidBlockAddAttention,
        ["norm_num_groups"] = c.NormNumGroups,
        ["out_channels"] = c.OutChannels,
        ["sample_size"] = side,
        ["scaling_factor"] = c.ScalingFactor,
        ["up_block_types"] = Array(c.BlockOutChannels.Select(_ => "UpDecoderBlock2D")),
        ["use_post_quant_conv"] = c.UsePostQuantConv,
        ["use_quant_conv"] = c.UseQuantConv,
    };

    /// <summary><c>config.json</c> of a UNet2DConditionModel.</summary>
    public static JsonObject UNet(UNet2DConditionConfig c) => new()
    {
        ["_class_name"] = "UNet2DConditionModel",
        ["act_fn"] = c.ActFn,
        // diffusers calls the number of heads so.
        ["attention_head_dim"] = Array(c.AttentionHeads),
        ["block_out_channels"] = Array(c.BlockOutChannels),
        ["center_input_sample"] = c.CenterInputSample,
        ["cross_attention_dim"] = c.CrossAttentionDim,
        ["down_block_types"] = Array(c.DownCrossAttention.Select(a => a ? "CrossAttnDownBlock2D" : "DownBlock2D")),
        ["downsample_padding"] = c.DownsamplePadding,
        ["flip_sin_to_cos"] = c.FlipSinToCos,
        ["freq_shift"] = c.FreqShift,
        ["in_channels"] = c.InChannels,
        ["layers_per_block"] = Array(c.LayersPerBlock),
        ["mid_block_type"] = "UNetMidBlock2DCrossAttn",
        ["norm_eps"] = c.NormEps,
        ["norm_num_groups"] = c.NormNumGroups,
        ["out_channels"] = c.OutChannels,
        ["sample_size"] = c.SampleSize,
        ["transformer_layers_per_block"] = 1,
        ["up_block_types"] = Array(c.UpCrossAttention.Select(a => a ? "CrossAttnUpBlock2D" : "UpBlock2D")),
        ["use_linear_projection"] = c.UseLinearProjection,
    };

    /// <summary><c>config.json</c> of a CLIPTextModel, or the text part of a joint one.</summary>
    public static JsonObject ClipText(ClipTextConfig c) => new()
    {
        ["architectures"] = Array(["CLIPTextModel"]),
        ["bos_token_id"] = c.VocabSize - 2,
        ["eos_token_id"] = c.EosTokenId,
        ["hidden_act"] = c.HiddenAct,
        ["hidden_size"] = c.HiddenSize,
        ["intermediate_size"] = c.IntermediateSize,
        ["layer_norm_eps"] = c.LayerNormEps,
        ["max_position_embeddings"] = c.MaxPositionEmbeddings,
        ["model_type"] = "clip_text_model",
        ["num_attention_heads"] = c.NumAttentionHeads,
        ["num_hidden_layers"] = c.NumHiddenLayers,
        ["pad_token_id"] = c.EosTokenId,
        ["projection_dim"] = c.ProjectionDim,
        ["vocab_size"] = c.VocabSize,
    };

    /// <summary><c>config.json</c> of a CLIPModel.</summary>
    public static JsonObject Clip(ClipConfig c) => new()
    {
        ["architectures"] = Array(["CLIPModel"]),
        ["model_type"] = "clip",
        ["projection_dim"] = c.ProjectionDim,
        ["text_config"] = ClipText(c.Text),
        ["vision_config"] = new JsonObject
        {
            ["hidden_act"] = c.Vision.HiddenAct,
            ["hidden_size"] = c.Vision.HiddenSize,
            ["image_size"] = c.Vision.ImageSize,
            ["intermediate_size"] = c.Vision.IntermediateSize,
            ["layer_norm_eps"] = c.Vision.LayerNormEps,
            ["model_type"] = "clip_vision_model",
            ["num_attention_heads"] = c.Vision.NumAttentionHeads,
            ["num_channels"] = c.Vision.NumChannels,
            ["num_hidden_layers"] = c.Vision.NumHiddenLayers,
            ["patch_size"] = c.Vision.PatchSize,
            ["projection_dim"] = c.ProjectionDim,
        },
    };

    /// <summary><c>scheduler_config.json</c>: the noise of Stable Diffusion, velocity as the target.</summary>
    public static JsonObject Scheduler() => new()
    {
        ["_class_name"] = "DDIMScheduler",
        ["beta_end"] = 0.012,
        ["beta_schedule"] = "scaled_linear",
        ["beta_start"] = 0.00085,
        ["clip_sample"] = false,
        ["num_train_timesteps"] = 1000,
        ["prediction_type"] = "v_prediction",
        ["set_alpha_to_one"] = false,
        ["steps_offset"] = 1,
        ["timestep_spacing"] = "leading",
    };

    /// <summary><c>model_index.json</c> of a pipeline.</summary>
    public static JsonObject Pipeline() => new()
    {
        ["_class_name"] = "StableDiffusionPipeline",
        ["feature_extractor"] = new JsonArray(null, null),
        ["requires_safety_checker"] = false,
        ["safety_checker"] = new JsonArray(null, null),
        ["scheduler"] = new JsonArray("diffusers", "DDIMScheduler"),
        ["text_encoder"] = new JsonArray("transformers", "CLIPTextModel"),
        ["tokenizer"] = new JsonArray("transformers", "CLIPTokenizer"),
        ["unet"] = new JsonArray("diffusers", "UNet2DConditionModel"),
        ["vae"] = new JsonArray("diffusers", "AutoencoderKL"),
    };

    static JsonArray Array<T>(IEnumerable<T> items) => new([.. items.Select(i => (JsonNode?)JsonValue.Create(i))]);
}
