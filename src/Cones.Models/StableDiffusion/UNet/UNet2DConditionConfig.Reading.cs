using System.Text.Json;
using Cones.Models.Configuration;

namespace Cones.Models.StableDiffusion.UNet;

public sealed partial record UNet2DConditionConfig
{
    /// <summary>Reads <c>config.json</c>.</summary>
    /// <remarks>
    /// Options that concern other blocks than those supported are not looked at, as in diffusers: <c>resnet_skip_time_act</c>,
    /// <c>resnet_out_scale_factor</c>, <c>cross_attention_norm</c>, <c>mid_block_only_cross_attention</c>.
    /// </remarks>
    /// <exception cref="ConesException">The file is broken or asks for something that is not implemented.</exception>
    public static UNet2DConditionConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        json.RequireOneOf("encoder_hid_dim_type", "\"text_proj\"");
        json.RequireOneOf("addition_embed_type", "\"text_time\"");
        json.RequireOneOf("resnet_time_scale_shift", "\"default\"", "\"scale_shift\"");
        json.RequireOneOf("time_embedding_type", "\"positional\"", "\"fourier\"");
        json.RequireOneOf("attention_type", "\"default\"");
        json.RequireOneOf("dual_cross_attention", "false");
        json.RequireOneOf("num_attention_heads");

        var channels = json.Ints("block_out_channels", [320, 640, 1280, 1280]);
        var levels = channels.Count;
        var addsTextTime = json.Has("addition_embed_type");
        var transformers = Depths(json, "transformer_layers_per_block", levels) ?? [.. Enumerable.Repeat<IReadOnlyList<int>>([1], levels)];
        var down = BlockTypes(json, "down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", [true, true, true, false]);
        var classes = ReadClassEmbedding(json);
        return new UNet2DConditionConfig
        {
            InChannels = json.Int("in_channels", 4),
            OutChannels = json.Int("out_channels", 4),
            SampleSize = json.Elements("sample_size") is [{ ValueKind: JsonValueKind.Number } side, ..] && side.TryGetInt32(out var pixels) ? pixels : 0,
            BlockOutChannels = channels,
            DownCrossAttention = down,
            UpCrossAttention = BlockTypes(json, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", [false, true, true, true]),
            MidBlock = ReadMidBlock(json),
            LayersPerBlock = json.IntsPerLevel("layers_per_block", levels, 2),
            CrossAttentionDim = ReadCrossAttentionDim(json, down),
            AttentionHeads = json.IntsPerLevel("attention_head_dim", levels, 8),
            OnlyCrossAttention = json.BoolsPerLevel("only_cross_attention", levels, false),
            TransformerLayersPerBlock = transformers,
            UpTransformerLayersPerBlock = Depths(json, "reverse_transformer_layers_per_block", levels) ?? [.. transformers.Reverse()],
            UseLinearProjection = json.Bool("use_linear_projection", false),
            NormNumGroups = json.Int("norm_num_groups", 32),
            NormEps = json.Double("norm_eps", 1e-5),
            ActFn = json.Text("act_fn", "silu"),
            ResnetTimeConditioning = json.Text("resnet_time_scale_shift", "default") == "default" ? TimeConditioning.Add : TimeConditioning.ScaleShift,
            MidBlockScaleFactor = json.Double("mid_block_scale_factor", 1),
            DownsamplePadding = json.Int("downsample_padding", 1),
            FlipSinToCos = json.Bool("flip_sin_to_cos", true),
            FreqShift = json.Int("freq_shift", 0),
            FourierTime = json.Text("time_embedding_type", "positional") == "fourier",
            TimeEmbeddingDim = json.Has("time_embedding_dim") ? json.Int("time_embedding_dim") : null,
            TimeEmbeddingActFn = json.TextOrNull("time_embedding_act_fn"),
            TimestepPostAct = json.TextOrNull("timestep_post_act"),
            TimeCondProjDim = json.Has("time_cond_proj_dim") ? json.Int("time_cond_proj_dim") : null,
            EncoderHidDim = json.Has("encoder_hid_dim") ? json.Int("encoder_hid_dim") : null,
            ClassEmbedding = classes,
            NumClassEmbeds = classes == ClassEmbedding.Table ? json.Int("num_class_embeds") : 0,
            ClassEmbeddingsConcat = classes != ClassEmbedding.None && json.Bool("class_embeddings_concat", false),
            AdditionTimeEmbedDim = addsTextTime ? json.Int("addition_time_embed_dim") : 0,
            ProjectionClassEmbeddingsInputDim = addsTextTime || classes is ClassEmbedding.Projection or ClassEmbedding.SimpleProjection
                ? json.Int("projection_class_embeddings_input_dim")
                : 0,
            ConvInKernel = json.Int("conv_in_kernel", 3),
            ConvOutKernel = json.Int("conv_out_kernel", 3),
            CenterInputSample = json.Bool("center_input_sample", false),
        };
    }

    static ClassEmbedding ReadClassEmbedding(ConfigReader json) => json.TextOrNull("class_embed_type") switch
    {
        null => json.Has("num_class_embeds") ? ClassEmbedding.Table : ClassEmbedding.None,
        "timestep" => ClassEmbedding.Timestep,
        "identity" => ClassEmbedding.Identity,
        "projection" => ClassEmbedding.Projection,
        "simple_projection" => ClassEmbedding.SimpleProjection,
        var other => throw new ConesException($"{json.Path}: class_embed_type = {other} is not supported (timestep, identity, projection, simple_projection)"),
    };

    // An explicit null means "no mid block"; an absent key means the default.
    static MidBlockKind ReadMidBlock(ConfigReader json) => json.IsNull("mid_block_type")
        ? MidBlockKind.None
        : json.Text("mid_block_type", "UNetMidBlock2DCrossAttn") switch
        {
            "UNetMidBlock2DCrossAttn" => MidBlockKind.CrossAttention,
            "UNetMidBlock2D" => MidBlockKind.Plain,
            var other => throw new ConesException($"{json.Path}: mid_block_type = {other} is not supported (UNetMidBlock2DCrossAttn, UNetMidBlock2D)"),
        };

    // One prompt serves all layers: levels may differ only where they do not attend to it.
    static int ReadCrossAttentionDim(ConfigReader json, IReadOnlyList<bool> attends)
    {
        var dims = json.IntsPerLevel("cross_attention_dim", attends.Count, 1280);
        var seen = dims.Where((_, level) => attends[level]).Distinct().ToArray();
        return seen.Length switch
        {
            0 => dims[^1],
            1 => seen[0],
            _ => throw new ConesException($"{json.Path}: cross_attention_dim differs between levels that attend to the prompt ({string.Join(", ", seen)}), which is not supported"),
        };
    }

    static IReadOnlyList<IReadOnlyList<int>>? Depths(ConfigReader json, string name, int levels) => json.Elements(name) switch
    {
        null => null,
        [{ ValueKind: JsonValueKind.Number }] and [var same] => [.. Enumerable.Repeat(Depth(json, name, same), levels)],
        var each when each.Count == levels => [.. each.Select(e => Depth(json, name, e))],
        var other => throw new ConesException($"{json.Path}: {name} has {other.Count} entries, {levels} levels need {levels}"),
    };

    static IReadOnlyList<int> Depth(ConfigReader json, string name, JsonElement element)
    {
        int One(JsonElement e) => e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out var depth) && depth >= 0
            ? depth
            : throw new ConesException($"{json.Path}: {name} contains {e.GetRawText()}, whole numbers are expected");
        return element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray().Select(One)] : [One(element)];
    }

    static IReadOnlyList<bool> BlockTypes(ConfigReader json, string name, string plain, string cross, IReadOnlyList<bool> fallback) =>
        json.Has(name)
            ? [.. json.Texts(name, []).Select(t => t == cross || (t == plain ? false : throw new ConesException($"{json.Path}: {name} contains {t}, supported: {plain}, {cross}")))]
            : fallback;
}
