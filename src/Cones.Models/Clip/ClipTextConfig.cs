using Cones.Models.Configuration;

namespace Cones.Models.Clip;

/// <summary>The shape of a CLIP text tower; the defaults are those of <c>CLIPTextConfig</c> in transformers.</summary>
public sealed record ClipTextConfig
{
    /// <summary>The legacy value of <see cref="EosTokenId"/>, which every file published before 2023 carries.</summary>
    public const int LegacyEosTokenId = 2;

    /// <summary>The number of tokens.</summary>
    public int VocabSize { get; init; } = 49408;

    /// <summary>The width D of the hidden states.</summary>
    public int HiddenSize { get; init; } = 512;

    /// <summary>The width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 2048;

    /// <summary>The width P of the joint space; used by models with a projection only.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>The number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>The number of attention heads; divides <see cref="HiddenSize"/>.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>The longest sequence, in tokens.</summary>
    public int MaxPositionEmbeddings { get; init; } = 77;

    /// <summary>The activation of the feed-forward layers: <c>quick_gelu</c> (OpenAI) or <c>gelu</c> (OpenCLIP).</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>The epsilon of the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>
    /// The id at whose first occurrence the text is pooled. <see cref="LegacyEosTokenId"/> is not an id but a mark: such
    /// files pool at the highest id of the sequence.
    /// </summary>
    public int EosTokenId { get; init; } = 49407;

    /// <summary>Whether the text is pooled at its highest id instead of at <see cref="EosTokenId"/>.</summary>
    public bool PoolsAtHighestId => EosTokenId == LegacyEosTokenId;

    /// <summary>Reads <c>config.json</c> of a text tower or, from its <c>text_config</c>, of a joint model.</summary>
    /// <exception cref="ConesException">The file is missing, no JSON, or describes an impossible model.</exception>
    public static ClipTextConfig Read(string path) => Read(ConfigReader.Open(path));

    /// <summary>As the other overload, of a file that is open.</summary>
    /// <exception cref="ConesException">A value has the wrong type, or the values describe an impossible model.</exception>
    public static ClipTextConfig Read(ConfigReader json)
    {
        var part = ClipTowers.IsJoint(json) ? ClipTowers.Part(json, "text_config") : json;
        var defaults = new ClipTextConfig();
        var config = new ClipTextConfig
        {
            VocabSize = part.Int("vocab_size", defaults.VocabSize),
            HiddenSize = part.Int("hidden_size", defaults.HiddenSize),
            IntermediateSize = part.Int("intermediate_size", defaults.IntermediateSize),
            ProjectionDim = part.Int("projection_dim", defaults.ProjectionDim),
            NumHiddenLayers = part.Int("num_hidden_layers", defaults.NumHiddenLayers),
            NumAttentionHeads = part.Int("num_attention_heads", defaults.NumAttentionHeads),
            MaxPositionEmbeddings = part.Int("max_position_embeddings", defaults.MaxPositionEmbeddings),
            HiddenAct = part.Text("hidden_act", defaults.HiddenAct),
            LayerNormEps = part.Double("layer_norm_eps", defaults.LayerNormEps),
            EosTokenId = part.Int("eos_token_id", defaults.EosTokenId),
        };
        return ClipTowers.Checked(json, config, c => c.Validate());
    }

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        ClipTowers.Positive(
            ("vocab_size", VocabSize),
            ("hidden_size", HiddenSize),
            ("intermediate_size", IntermediateSize),
            ("projection_dim", ProjectionDim),
            ("num_hidden_layers", NumHiddenLayers),
            ("num_attention_heads", NumAttentionHeads),
            ("max_position_embeddings", MaxPositionEmbeddings));
        ClipTowers.Encoder(HiddenSize, NumAttentionHeads, LayerNormEps, HiddenAct);
    }
}
