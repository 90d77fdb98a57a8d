namespace Cones.Models.Swin;

/// <summary>What a checkpoint calls the parts of a Swin backbone.</summary>
public sealed record SwinLayout
{
    SwinLayout()
    {
    }

    /// <summary>transformers' names (<c>SwinBackbone</c>): queries, keys and values have a matrix each.</summary>
    public static SwinLayout HuggingFace { get; } = new()
    {
        PatchProjection = "embeddings.patch_embeddings.projection",
        PatchNorm = "embeddings.norm",
        Stages = "encoder.layers",
        NormBefore = "layernorm_before",
        NormAfter = "layernorm_after",
        Attention = "attention",
        Qkv = ["self.query", "self.key", "self.value"],
        BiasTable = "self.relative_position_bias_table",
        AttentionOutput = "output.dense",
        MlpIn = "intermediate.dense",
        MlpOut = "output.dense",
        OutputNorm = stage => $"hidden_states_norms.{(stage == 0 ? "stem" : $"stage{stage}")}",
    };

    /// <summary>The names of the original program and of GLIP (below <c>backbone.body.</c>): one matrix for queries, keys and values.</summary>
    public static SwinLayout Glip { get; } = new()
    {
        PatchProjection = "patch_embed.proj",
        PatchNorm = "patch_embed.norm",
        Stages = "layers",
        NormBefore = "norm1",
        NormAfter = "norm2",
        Attention = "attn",
        Qkv = ["qkv"],
        BiasTable = "relative_position_bias_table",
        AttentionOutput = "proj",
        MlpIn = "mlp.fc1",
        MlpOut = "mlp.fc2",
        OutputNorm = stage => $"norm{stage - 1}",
    };

    /// <summary>The convolution that makes patches.</summary>
    public required string PatchProjection { get; init; }

    /// <summary>The norm of the patches.</summary>
    public required string PatchNorm { get; init; }

    /// <summary>The list of stages; each has <c>blocks</c> and, but for the last one, <c>downsample</c> with <c>norm</c> and <c>reduction</c>.</summary>
    public required string Stages { get; init; }

    /// <summary>A block's norm before its attention.</summary>
    public required string NormBefore { get; init; }

    /// <summary>A block's norm before its feed-forward layers.</summary>
    public required string NormAfter { get; init; }

    /// <summary>A block's attention.</summary>
    public required string Attention { get; init; }

    /// <summary>An attention's projections to queries, keys and values: three names, or one for all.</summary>
    public required IReadOnlyList<string> Qkv { get; init; }

    /// <summary>An attention's table of relative position biases.</summary>
    public required string BiasTable { get; init; }

    /// <summary>An attention's last projection.</summary>
    public required string AttentionOutput { get; init; }

    /// <summary>A block's first feed-forward layer.</summary>
    public required string MlpIn { get; init; }

    /// <summary>A block's second feed-forward layer.</summary>
    public required string MlpOut { get; init; }

    /// <summary>The norm of a stage's output, by the stage as counted in <see cref="SwinConfig.OutStages"/>.</summary>
    public required Func<int, string> OutputNorm { get; init; }
}
