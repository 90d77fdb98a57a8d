using Cones.Models.Configuration;
using Cones.Models.Layers;

namespace Cones.Models.Bert;

/// <summary>The shape of a <see cref="BertModel"/>; names and defaults are those of <c>BertConfig</c> in transformers.</summary>
public sealed record BertConfig
{
    /// <summary>The number of tokens.</summary>
    public int VocabSize { get; init; } = 30522;

    /// <summary>The width D of the hidden states.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>The number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>The number of attention heads; divides <see cref="HiddenSize"/>.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>The width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>The activation of the feed-forward layers, a name in <see cref="Activations"/>.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>The number of positions, and so the longest sequence where positions do not restart.</summary>
    public int MaxPositionEmbeddings { get; init; } = 512;

    /// <summary>The number of token types (segments).</summary>
    public int TypeVocabSize { get; init; } = 2;

    /// <summary>The epsilon of the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-12;

    /// <summary>The id of padding, whose word embedding is never trained.</summary>
    public int PadTokenId { get; init; }

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file cannot be read, or describes an impossible or another kind of model.</exception>
    public static BertConfig FromFile(string path) => From(ConfigReader.Open(path));

    /// <summary>As <see cref="FromFile"/>, of a configuration within another one (<c>text_config</c>).</summary>
    /// <exception cref="ConesException">The values describe an impossible or another kind of model.</exception>
    public static BertConfig From(ConfigReader json)
    {
        json.RequireOneOf("model_type", "\"bert\"");
        json.RequireOneOf("position_embedding_type", "\"absolute\"");
        json.RequireOneOf("is_decoder", "false");
        json.RequireOneOf("add_cross_attention", "false");
        var config = new BertConfig
        {
            VocabSize = json.Int("vocab_size", 30522),
            HiddenSize = json.Int("hidden_size", 768),
            NumHiddenLayers = json.Int("num_hidden_layers", 12),
            NumAttentionHeads = json.Int("num_attention_heads", 12),
            IntermediateSize = json.Int("intermediate_size", 3072),
            HiddenAct = json.Text("hidden_act", "gelu"),
            MaxPositionEmbeddings = json.Int("max_position_embeddings", 512),
            TypeVocabSize = json.Int("type_vocab_size", 2),
            LayerNormEps = json.Double("layer_norm_eps", 1e-12),
            PadTokenId = json.Int("pad_token_id", 0),
        };
        try
        {
            config.Validate();
            return config;
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{json.Path} describes an impossible BERT: {e.Message}", e);
        }
    }

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        foreach (var (name, value) in (ReadOnlySpan<(string, int)>)
        [
            ("vocab_size", VocabSize),
            ("hidden_size", HiddenSize),
            ("num_hidden_layers", NumHiddenLayers),
            ("num_attention_heads", NumAttentionHeads),
            ("intermediate_size", IntermediateSize),
            ("max_position_embeddings", MaxPositionEmbeddings),
            ("type_vocab_size", TypeVocabSize),
        ])
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
        if (HiddenSize % NumAttentionHeads != 0)
            throw new ArgumentException($"hidden_size {HiddenSize} is not a multiple of num_attention_heads {NumAttentionHeads}");
        if (!(LayerNormEps > 0)) throw new ArgumentException($"layer_norm_eps is {LayerNormEps}, but must be above 0");
        try
        {
            Activations.Named(HiddenAct);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"hidden_act: {e.Message}", e);
        }
    }
}
