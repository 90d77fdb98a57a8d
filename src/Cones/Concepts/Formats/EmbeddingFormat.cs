namespace Cones.Concepts.Formats;

/// <summary>The layouts in which programs keep learned text embeddings.</summary>
public enum EmbeddingFormat
{
    /// <summary>
    /// <c>learned_embeds.safetensors</c> or <c>.bin</c> of diffusers: the placeholder is the key, [n, dim] at the input of the text
    /// encoder.
    /// </summary>
    Diffusers,

    /// <summary>
    /// The <c>.pt</c> of AUTOMATIC1111's web UI, also of the first textual-inversion program: <c>string_to_param["*"]</c>, [n, dim] at
    /// the input of the text encoder.
    /// </summary>
    A1111,

    /// <summary>
    /// kohya's sd-scripts, <c>.safetensors</c> or <c>.pt</c>: <c>emb_params</c>, for SDXL <c>clip_l</c> and <c>clip_g</c>; at the
    /// input of the text encoders.
    /// </summary>
    Kohya,

    /// <summary>
    /// OneTrainer's <c>.safetensors</c>: <c>emp_params</c> (so spelt), for SDXL <c>clip_l</c> and <c>clip_g</c>; with <c>_out</c>
    /// behind them, at the output of the text encoders.
    /// </summary>
    OneTrainer,

    /// <summary>
    /// The arguments of a diffusers pipeline in a <c>.safetensors</c>: <c>prompt_embeds</c> [1, T, D] and, where there are any,
    /// <c>pooled_prompt_embeds</c> [1, P] and their negatives.
    /// </summary>
    PromptEmbeds,
}
