using Cones.Models.Configuration;

namespace Cones.Models.Clip;

/// <summary>The configuration of CLIP's text tower, with the names and defaults of transformers' <c>CLIPTextConfig</c>.</summary>
public sealed record ClipTextConfig
{
    // Published files carry this id; it stands for the pooling rule of early versions, not for a token.
    const int LegacyEosTokenId = 2;

    /// <summary>Number of token ids.</summary>
    public int VocabSize { get; init; } = 49408;

    /// <summary>Width D of the hidden states.</summary>
    public int HiddenSize { get; init; } = 512;

    /// <summary>Width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 2048;

    /// <summary>Width of the projected pooled embedding.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Number of attention heads.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>The longest sequence.</summary>
    public int MaxPositionEmbeddings { get; init; } = 77;

    /// <summary>The activation function: <c>quick_gelu</c> (OpenAI) or <c>gelu</c> (OpenCLIP).</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Epsilon of the normalisations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>The id of the end token; 2 in published files.</summary>
    public int EosTokenId { get; init; } = 49407;

    /// <summary>
    /// Whether the pooled slot is the one with the highest id instead of the first end token. An added token, whose id is
    /// above the end token's, is then pooled instead.
    /// </summary>
    public bool PoolsHighestId => EosTokenId == LegacyEosTokenId;

    /// <summary>Reads <c>config.json</c> of a text encoder.</summary>
    public static ClipTextConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        return Read(json.Child("text_config") ?? json, null);
    }

    /// <summary>Checks that the numbers fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message says which.</exception>
    public void Validate()
    {
        if (NumAttentionHeads < 1 || HiddenSize % NumAttentionHeads != 0)
            throw new ArgumentException($"hidden_size = {HiddenSize} is no multiple of num_attention_heads = {NumAttentionHeads}");
    }

    internal static ClipTextConfig Read(ConfigReader json, int? projectionDim) => new()
    {
        VocabSize = json.Int("vocab_size", 49408),
        HiddenSize = json.Int("hidden_size", 512),
        IntermediateSize = json.Int("intermediate_size", 2048),
        ProjectionDim = projectionDim ?? json.Int("projection_dim", 512),
        NumHiddenLayers = json.Int("num_hidden_layers", 12),
        NumAttentionHeads = json.Int("num_attention_heads", 8),
        MaxPositionEmbeddings = json.Int("max_position_embeddings", 77),
        HiddenAct = json.Text("hidden_act", "quick_gelu"),
        LayerNormEps = json.Double("layer_norm_eps", 1e-5),
        EosTokenId = json.Int("eos_token_id", 49407),
    };
}

/// <summary>The configuration of CLIP's image tower, with the names and defaults of transformers' <c>CLIPVisionConfig</c>.</summary>
public sealed record ClipVisionConfig
{
    /// <summary>Width D of the hidden states.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>Width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>Width of the projected pooled embedding.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Number of attention heads.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>Channels of the image.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>Side of the image in pixels.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Side of a patch in pixels.</summary>
    public int PatchSize { get; init; } = 32;

    /// <summary>The activation function.</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Epsilon of the normalisations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>Number of patches.</summary>
    public int PatchCount => ImageSize / PatchSize * (ImageSize / PatchSize);

    /// <summary>Reads <c>config.json</c> of an image encoder.</summary>
    public static ClipVisionConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        return Read(json.Child("vision_config") ?? json, null);
    }

    /// <summary>Checks that the numbers fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message says which.</exception>
    public void Validate()
    {
        if (NumAttentionHeads < 1 || HiddenSize % NumAttentionHeads != 0)
            throw new ArgumentException($"hidden_size = {HiddenSize} is no multiple of num_attention_heads = {NumAttentionHeads}");
        if (PatchSize < 1 || ImageSize < PatchSize)
            throw new ArgumentException($"image_size = {ImageSize} is smaller than patch_size = {PatchSize}");
    }

    internal static ClipVisionConfig Read(ConfigReader json, int? projectionDim) => new()
    {
        HiddenSize = json.Int("hidden_size", 768),
        IntermediateSize = json.Int("intermediate_size", 3072),
        ProjectionDim = projectionDim ?? json.Int("projection_dim", 512),
        NumHiddenLayers = json.Int("num_hidden_layers", 12),
        NumAttentionHeads = json.Int("num_attention_heads", 12),
        NumChannels = json.Int("num_channels", 3),
        ImageSize = json.Int("image_size", 224),
        PatchSize = json.Int("patch_size", 32),
        HiddenAct = json.Text("hidden_act", "quick_gelu"),
        LayerNormEps = json.Double("layer_norm_eps", 1e-5),
    };
}

/// <summary>The configuration of the joint model, with the names and defaults of transformers' <c>CLIPConfig</c>.</summary>
/// <param name="Text">The text tower.</param>
/// <param name="Vision">The image tower.</param>
public sealed record ClipConfig(ClipTextConfig Text, ClipVisionConfig Vision)
{
    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file is broken or is not that of a joint model.</exception>
    public static ClipConfig FromFile(string path)
    {
        var json = ConfigReader.Open(path);
        var text = json.Child("text_config") ?? throw new ConesException($"{path} has no text_config: is it a CLIPModel?");
        var vision = json.Child("vision_config") ?? throw new ConesException($"{path} has no vision_config: is it a CLIPModel?");
        var projection = json.Int("projection_dim", 512);
        return new ClipConfig(ClipTextConfig.Read(text, projection), ClipVisionConfig.Read(vision, projection));
    }
}
