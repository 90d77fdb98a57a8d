using Cones.Models.Configuration;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>
/// The configuration of a <see cref="UNet2DConditionModel"/>, with the names and defaults of diffusers'
/// <c>UNet2DConditionModel</c>.
/// </summary>
public sealed record UNet2DConditionConfig
{
    /// <summary>Channels of the latent.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the prediction.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>The latent's side in training, in latent pixels; 0 where the configuration does not say.</summary>
    public int SampleSize { get; init; }

    /// <summary>Channels a level, from the finest.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Which down blocks attend to the prompt, a level.</summary>
    public IReadOnlyList<bool> DownCrossAttention { get; init; } = [true, true, true, false];

    /// <summary>Which up blocks attend to the prompt, from the coarsest level.</summary>
    public IReadOnlyList<bool> UpCrossAttention { get; init; } = [false, true, true, true];

    /// <summary>What stands between down and up.</summary>
    public MidBlockKind MidBlock { get; init; } = MidBlockKind.CrossAttention;

    /// <summary>ResNet blocks a level (an up block has one more).</summary>
    public IReadOnlyList<int> LayersPerBlock { get; init; } = [2, 2, 2, 2];

    /// <summary>Width of the prompt embeddings.</summary>
    public int CrossAttentionDim { get; init; } = 1280;

    /// <summary>Attention heads a level. The configuration calls this <c>attention_head_dim</c>, for historical reasons.</summary>
    public IReadOnlyList<int> AttentionHeads { get; init; } = [8, 8, 8, 8];

    /// <summary>Transformer blocks in each attention of a level.</summary>
    public IReadOnlyList<int> TransformerLayersPerBlock { get; init; } = [1, 1, 1, 1];

    /// <summary>The same for the up blocks, from the coarsest level.</summary>
    public IReadOnlyList<int> UpTransformerLayersPerBlock { get; init; } = [1, 1, 1, 1];

    /// <summary>Whether attentions project tokens (SD 2.x, SDXL) instead of pixels (SD 1.x).</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>Groups of every group normalisation.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Epsilon of the ResNets' normalisations.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>The activation function.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>Padding of the down-samplers; 0 pads right and bottom only.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>Whether the time projection is [cos, sin] instead of [sin, cos].</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Shift of the frequencies of the time projection.</summary>
    public int FreqShift { get; init; }

    /// <summary>Width of the projection of each size id (SDXL); 0 where the model takes no added conditions.</summary>
    public int AdditionTimeEmbedDim { get; init; }

    /// <summary>Width of pooled embedding and projected size ids together (SDXL).</summary>
    public int ProjectionClassEmbeddingsInputDim { get; init; }

    /// <summary>Kernel of the first convolution.</summary>
    public int ConvInKernel { get; init; } = 3;

    /// <summary>Kernel of the last convolution.</summary>
    public int ConvOutKernel { get; init; } = 3;

    /// <summary>Whether the sample is mapped from [0, 1] to [-1, 1] first.</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>Whether the model takes a pooled embedding and size ids (SDXL).</summary>
    public bool HasTextTime => AdditionTimeEmbedDim > 0;

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file is broken or asks for something that is not implemented.</exception>
    public static UNet2DConditionConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        foreach (var option in (string[])["class_embed_type", "num_class_embeds", "encoder_hid_dim", "encoder_hid_dim_type", "time_cond_proj_dim", "time_embedding_act_fn", "timestep_post_act", "cross_attention_norm", "time_embedding_dim"])
            json.RequireOneOf(option);
        json.RequireOneOf("addition_embed_type", "\"text_time\"");
        json.RequireOneOf("resnet_time_scale_shift", "\"default\"");
        json.RequireOneOf("time_embedding_type", "\"positional\"");
        json.RequireOneOf("attention_type", "\"default\"");
        json.RequireOneOf("resnet_skip_time_act", "false");
        json.RequireOneOf("resnet_out_scale_factor", "1");
        json.RequireOneOf("mid_block_scale_factor", "1");
        json.RequireOneOf("dual_cross_attention", "false");
        json.RequireOneOf("class_embeddings_concat", "false");
        json.RequireOneOf("mid_block_only_cross_attention", "false");

        var channels = json.Ints("block_out_channels", [320, 640, 1280, 1280]);
        var levels = channels.Count;
        if (json.Has("only_cross_attention") && levels > 0)
            json.RequireOneOf("only_cross_attention", "false", $"[{string.Join(",", Enumerable.Repeat("false", levels))}]");
        var dims = json.IntsPerLevel("cross_attention_dim", levels, 1280);
        if (dims.Distinct().Count() > 1) throw new ConesException($"{path}: cross_attention_dim differs between levels, which is not supported");

        var transformers = json.IntsPerLevel("transformer_layers_per_block", levels, 1);
        return new UNet2DConditionConfig
        {
            InChannels = json.Int("in_channels", 4),
            OutChannels = json.Int("out_channels", 4),
            SampleSize = json.Int("sample_size", 0),
            BlockOutChannels = channels,
            DownCrossAttention = BlockTypes(json, "down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", [true, true, true, false]),
            UpCrossAttention = BlockTypes(json, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", [false, true, true, true]),
            MidBlock = json.Has("mid_block_type") || !HasKey(path, "mid_block_type")
                ? json.Text("mid_block_type", "UNetMidBlock2DCrossAttn") switch
                {
                    "UNetMidBlock2DCrossAttn" => MidBlockKind.CrossAttention,
                    "UNetMidBlock2D" => MidBlockKind.Plain,
                    var other => throw new ConesException($"{path}: mid_block_type = {other} is not supported"),
                }
                : MidBlockKind.None,
            LayersPerBlock = json.IntsPerLevel("layers_per_block", levels, 2),
            CrossAttentionDim = dims[0],
            AttentionHeads = json.Has("num_attention_heads")
                ? json.IntsPerLevel("num_attention_heads", levels, null)
                : json.IntsPerLevel("attention_head_dim", levels, 8),
            TransformerLayersPerBlock = transformers,
            UpTransformerLayersPerBlock = json.Has("reverse_transformer_layers_per_block")
                ? json.IntsPerLevel("reverse_transformer_layers_per_block", levels, null)
                : [.. transformers.Reverse()],
            UseLinearProjection = json.Bool("use_linear_projection", false),
            NormNumGroups = json.Int("norm_num_groups", 32),
            NormEps = json.Double("norm_eps", 1e-5),
            ActFn = json.Text("act_fn", "silu"),
            DownsamplePadding = json.Int("downsample_padding", 1),
            FlipSinToCos = json.Bool("flip_sin_to_cos", true),
            FreqShift = json.Int("freq_shift", 0),
            AdditionTimeEmbedDim = json.Has("addition_embed_type") ? json.Int("addition_time_embed_dim") : 0,
            ProjectionClassEmbeddingsInputDim = json.Has("addition_embed_type") ? json.Int("projection_class_embeddings_input_dim") : 0,
            ConvInKernel = json.Int("conv_in_kernel", 3),
            ConvOutKernel = json.Int("conv_out_kernel", 3),
            CenterInputSample = json.Bool("center_input_sample", false),
        };
    }

    /// <summary>Checks that the numbers fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message says which.</exception>
    public void Validate()
    {
        var levels = BlockOutChannels.Count;
        if (levels == 0) throw new ArgumentException("block_out_channels is empty");
        foreach (var (name, count) in ((string, int)[])[("down_block_types", DownCrossAttention.Count), ("up_block_types", UpCrossAttention.Count), ("layers_per_block", LayersPerBlock.Count), ("attention_head_dim", AttentionHeads.Count), ("transformer_layers_per_block", TransformerLayersPerBlock.Count), ("reverse_transformer_layers_per_block", UpTransformerLayersPerBlock.Count)])
            if (count != levels) throw new ArgumentException($"{name} has {count} entries, block_out_channels has {levels}");
        for (var i = 0; i < levels; i++)
        {
            if (BlockOutChannels[i] % NormNumGroups != 0)
                throw new ArgumentException($"block_out_channels[{i}] = {BlockOutChannels[i]} is no multiple of norm_num_groups = {NormNumGroups}");
            if (BlockOutChannels[i] % AttentionHeads[i] != 0)
                throw new ArgumentException($"block_out_channels[{i}] = {BlockOutChannels[i]} is no multiple of its {AttentionHeads[i]} attention heads");
        }
    }

    static IReadOnlyList<bool> BlockTypes(ConfigReader json, string name, string plain, string cross, IReadOnlyList<bool> fallback) =>
        json.Has(name)
            ? [.. json.Texts(name, []).Select(t => t == cross || (t == plain ? false : throw new ConesException($"{json.Path}: {name} contains {t}, supported: {plain}, {cross}")))]
            : fallback;

    // An explicit null means "no mid block"; an absent key means the default.
    static bool HasKey(string path, string name)
    {
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.TryGetProperty(name, out _);
    }
}

/// <summary>What stands between the down and the up blocks.</summary>
public enum MidBlockKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One ResNet block (<c>UNetMidBlock2D</c>).</summary>
    Plain,

    /// <summary>ResNet, transformer, ResNet (<c>UNetMidBlock2DCrossAttn</c>).</summary>
    CrossAttention,
}
