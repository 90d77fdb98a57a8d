using Cones.Models.Layers;

namespace Cones.Models.GroundingDino;

/// <summary>What the numbers of a configuration must satisfy.</summary>
static class GroundingDinoConfigChecks
{
    /// <summary>Groups of the input projections' norms, whatever the width.</summary>
    public const int Groups = 32;

    public static void Run(GroundingDinoConfig c)
    {
        c.Backbone.Validate();
        c.Text.Validate();
        foreach (var (name, value) in (ReadOnlySpan<(string, int)>)
        [
            ("d_model", c.DModel),
            ("num_queries", c.NumQueries),
            ("encoder_layers", c.EncoderLayers),
            ("encoder_ffn_dim", c.EncoderFfnDim),
            ("encoder_attention_heads", c.EncoderAttentionHeads),
            ("encoder_n_points", c.EncoderPoints),
            ("decoder_layers", c.DecoderLayers),
            ("decoder_ffn_dim", c.DecoderFfnDim),
            ("decoder_attention_heads", c.DecoderAttentionHeads),
            ("decoder_n_points", c.DecoderPoints),
            ("num_feature_levels", c.NumFeatureLevels),
            ("max_text_len", c.MaxTextLen),
        ])
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");

        if (c.DModel % Groups != 0) throw new ArgumentException($"d_model {c.DModel} is not a multiple of the {Groups} groups of the input projections");
        Divides("encoder_attention_heads", c.EncoderAttentionHeads, "d_model", c.DModel);
        Divides("decoder_attention_heads", c.DecoderAttentionHeads, "d_model", c.DModel);
        if (c.EncoderAttentionHeads < 2) throw new ArgumentException("encoder_attention_heads is 1, but the text enhancer has half as many heads: at least 2 are needed");
        Divides("encoder_attention_heads / 2 =", c.EncoderAttentionHeads / 2, "d_model", c.DModel);
        if (c.EncoderFfnDim < 2) throw new ArgumentException("encoder_ffn_dim is 1, but the text enhancer has half of it: at least 2 is needed");
        Divides("encoder_attention_heads / 2 =", c.EncoderAttentionHeads / 2, "encoder_ffn_dim / 2 =", c.EncoderFfnDim / 2);
        if (c.NumFeatureLevels < c.BackboneChannels.Count)
            throw new ArgumentException($"num_feature_levels is {c.NumFeatureLevels}, but the backbone gives {c.BackboneChannels.Count} maps");
        if (!(c.LayerNormEps > 0)) throw new ArgumentException($"layer_norm_eps is {c.LayerNormEps}, but must be above 0");
        if (!(c.PositionTemperature > 0)) throw new ArgumentException($"positional_embedding_temperature is {c.PositionTemperature}, but must be above 0");
        if (!c.TwoStage && !c.LearnedQueries) throw new ArgumentException("embedding_init_target is false, but without two_stage there are no proposals to take queries from");
        if (!c.TwoStage && c.ScaledClassHeads) throw new ArgumentException("two_stage is false, which MM Grounding DINO does not know");
        try
        {
            Activations.Named(c.ActivationFunction);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"activation_function: {e.Message}", e);
        }
    }

    static void Divides(string heads, int count, string name, int width)
    {
        if (width % count != 0) throw new ArgumentException($"{name} {width} is not a multiple of {heads} {count}");
    }
}
