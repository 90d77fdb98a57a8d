using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>CLIP's text tower, with or without the projection into the joint space.</summary>
/// <remarks>
/// <c>CLIPTextModel</c> and <c>CLIPTextModelWithProjection</c> of transformers: the text encoders of Stable Diffusion 1.x,
/// 2.x (no projection) and XL (the second one has it). Attention is causal, so a slot depends on the slots before it only.
/// </remarks>
public sealed class ClipTextModel : Module
{
    readonly ClipTextTransformer _transformer;
    readonly Linear? _projection;

    /// <summary>A model without weights.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="withProjection">Whether the pooled text is projected to <see cref="ClipTextConfig.ProjectionDim"/>.</param>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public ClipTextModel(ClipTextConfig config, bool withProjection = false)
        : this(
            Validated(config),
            new ClipTextTransformer(config),
            withProjection ? new Linear(config.HiddenSize, config.ProjectionDim, bias: false) : null)
    {
    }

    /// <summary>The text side of a joint model, on that model's own layers.</summary>
    internal ClipTextModel(ClipTextConfig config, ClipTextTransformer transformer, Linear? projection)
    {
        Config = config;
        _transformer = Add("text_model", transformer);
        _projection = projection is null ? null : Add("text_projection", projection);
    }

    /// <summary>The shape.</summary>
    public ClipTextConfig Config { get; }

    /// <summary>Whether outputs hold <see cref="ClipTextOutput.TextEmbeds"/>.</summary>
    public bool HasProjection => _projection is not null;

    /// <summary>The input embedding of every token, [vocabulary, D]; owned by the model.</summary>
    public Tensor TokenTable => _transformer.Tokens.Table;

    /// <summary>
    /// Loads a text encoder's folder (<c>config.json</c> and weights), or the text side of a joint model's folder. The
    /// projection is there if the configuration or the weights name it.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static ClipTextModel FromFolder(string folder, LoadOptions? options = null, string? variant = null) =>
        ClipFolder.LoadText(folder, options, variant);

    /// <summary>The input embeddings of tokens, before positions are added.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <returns>[B, T, D]</returns>
    /// <exception cref="ArgumentException">The shape is wrong, or an id is outside the vocabulary.</exception>
    public Tensor Embed(Tensor ids)
    {
        CheckIds(ids);
        CheckVocabulary(ids);
        return _transformer.Tokens.Forward(ids);
    }

    /// <summary>Encodes texts.</summary>
    /// <param name="ids">[B, T], int64; T at most <see cref="ClipTextConfig.MaxPositionEmbeddings"/>.</param>
    /// <param name="attentionMask">
    /// [B, T], zero for slots that no other slot may look at; null for none, which is what Stable Diffusion was trained with.
    /// </param>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside the vocabulary.</exception>
    public ClipTextOutput Forward(Tensor ids, Tensor? attentionMask = null)
    {
        using var embeds = Embed(ids);
        return ForwardFromEmbeddings(embeds, ids, attentionMask);
    }

    /// <summary>Encodes texts whose token embeddings are given, and may be learned: gradients reach them.</summary>
    /// <param name="embeds">[B, T, D], before positions are added, as <see cref="Embed"/> gives them.</param>
    /// <param name="ids">
    /// [B, T], int64, for the pooling only: they may hold the ids of placeholders beyond the vocabulary. Under
    /// <see cref="ClipTextConfig.PoolsAtHighestId"/> the text is then pooled at such a placeholder, as in transformers.
    /// </param>
    /// <param name="attentionMask">As in <see cref="Forward"/>.</param>
    /// <exception cref="ArgumentException">A shape is wrong.</exception>
    public ClipTextOutput ForwardFromEmbeddings(Tensor embeds, Tensor ids, Tensor? attentionMask = null)
    {
        CheckIds(ids);
        ClipChecks.Shape(nameof(embeds), embeds, [ids.shape[0], ids.shape[1], Config.HiddenSize]);
        if (attentionMask is not null) ClipChecks.Shape(nameof(attentionMask), attentionMask, ids.shape);

        using var scope = NewDisposeScope();
        var (states, last) = _transformer.Forward(embeds, attentionMask);
        var rows = arange(ids.shape[0], device: ids.device);
        var pooled = last.index([TensorIndex.Tensor(rows), TensorIndex.Tensor(EndOfText(ids))]); // [B, D]
        var projected = _projection?.Forward(pooled); // [B, P]

        foreach (var state in states) state.MoveToOuterDisposeScope();
        return new ClipTextOutput(
            last.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope(), states, projected?.MoveToOuterDisposeScope());
    }

    /// <summary>Applies the final layer norm to one of <see cref="ClipTextOutput.HiddenStates"/>, as clip_skip wants it.</summary>
    /// <param name="hiddenState">[B, T, D]</param>
    /// <returns>[B, T, D]</returns>
    /// <exception cref="ArgumentException">The width is not D.</exception>
    public Tensor NormalizeHidden(Tensor hiddenState)
    {
        ClipChecks.LastDimension(nameof(hiddenState), hiddenState, Config.HiddenSize);
        return _transformer.Normalize(hiddenState);
    }

    // The slot of each text that stands for the whole, [B]; the first one where several qualify.
    Tensor EndOfText(Tensor ids) =>
        Config.PoolsAtHighestId ? ids.argmax(-1) : ids.eq(Config.EosTokenId).to(ScalarType.Int32).argmax(-1);

    void CheckIds(Tensor ids)
    {
        if (ids.dim() != 2 || ids.shape[0] < 1 || ids.shape[1] < 1)
            throw new ArgumentException($"ids must be [texts, tokens], not {ClipChecks.Text(ids.shape)}", nameof(ids));
        if (ids.dtype != ScalarType.Int64)
            throw new ArgumentException($"ids must be Int64, not {ids.dtype}", nameof(ids));
        if (ids.shape[1] > Config.MaxPositionEmbeddings)
            throw new ArgumentException($"{ids.shape[1]} tokens given, but the model has {Config.MaxPositionEmbeddings} positions", nameof(ids));
    }

    void CheckVocabulary(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var (lowest, highest) = (ids.min().item<long>(), ids.max().item<long>());
        if (lowest < 0 || highest >= Config.VocabSize)
            throw new ArgumentException($"ids span {lowest} to {highest}, but the vocabulary has {Config.VocabSize} tokens", nameof(ids));
    }

    static ClipTextConfig Validated(ClipTextConfig config)
    {
        config.Validate();
        return config;
    }
}
