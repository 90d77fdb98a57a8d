using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Bert;

/// <summary>BERT (arXiv 1810.04805), the text encoder of GLIP and Grounding DINO; <c>BertModel</c> of transformers.</summary>
public sealed class BertModel : Module
{
    readonly BertEmbeddings _embeddings;
    readonly ModuleList<BertLayer> _layers;
    readonly Linear? _pooler;

    /// <summary>A model without weights.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="withPooler">Whether outputs hold <see cref="BertOutput.PoolerOutput"/>; detectors have no use for it.</param>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public BertModel(BertConfig config, bool withPooler = false)
    {
        config.Validate();
        Config = config;
        _embeddings = Add("embeddings", new BertEmbeddings(config));
        _layers = Add("encoder.layer", new ModuleList<BertLayer>(Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new BertLayer(config))));
        if (withPooler) _pooler = Add("pooler.dense", new Linear(config.HiddenSize, config.HiddenSize));
    }

    /// <summary>The shape.</summary>
    public BertConfig Config { get; }

    /// <summary>Whether outputs hold <see cref="BertOutput.PoolerOutput"/>.</summary>
    public bool HasPooler => _pooler is not null;

    /// <summary>The word embedding of every token, [vocabulary, D]; owned by the model.</summary>
    public Tensor WordTable => _embeddings.Words.Table;

    /// <summary>Loads a folder with <c>config.json</c> and weights, of the model itself or of one with heads, which are left out.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="withPooler">Whether the pooler is loaded; null: if the weights have one.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static BertModel FromFolder(string folder, LoadOptions? options = null, bool? withPooler = null, string? variant = null)
    {
        var config = BertConfig.FromFile(Path.Combine(folder, "config.json"));
        using var checkpoint = Checkpoint.Open(folder, variant);
        var model = new BertModel(config, withPooler ?? checkpoint.Tensors.Keys.Any(k => BertKeys.Rename(k) == "pooler.dense.weight"));
        try
        {
            ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = model.HasPooler ? BertKeys.Rename : BertKeys.RenameWithoutPooler });
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The word embeddings of tokens, before positions and token types are added.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <returns>[B, T, D].</returns>
    /// <exception cref="ArgumentException">The shape is wrong, or an id is outside the vocabulary.</exception>
    public Tensor Embed(Tensor ids)
    {
        ShapeCheck.Require(nameof(ids), ids, ShapeCheck.Any, ShapeCheck.Any);
        RequireIds(nameof(ids), ids, Config.VocabSize);
        return _embeddings.Words.Forward(ids);
    }

    /// <summary>Encodes texts.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <param name="attentionMask">
    /// [B, T], zero for padding; or [B, T, T], zero where the token of a row may not attend to the token of a column; null
    /// for none.
    /// </param>
    /// <param name="positionIds">[B, T], int64; null: 0 to T - 1.</param>
    /// <param name="tokenTypeIds">[B, T], int64; null: all 0.</param>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside its table.</exception>
    public BertOutput Forward(Tensor ids, Tensor? attentionMask = null, Tensor? positionIds = null, Tensor? tokenTypeIds = null)
    {
        using var words = Embed(ids);
        return ForwardFromEmbeddings(words, attentionMask, positionIds, tokenTypeIds);
    }

    /// <summary>Encodes texts whose word embeddings are given, and may be learned: gradients reach them.</summary>
    /// <param name="words">[B, T, D], before positions and token types are added, as <see cref="Embed"/> gives them.</param>
    /// <param name="attentionMask">As in <see cref="Forward"/>.</param>
    /// <param name="positionIds">As in <see cref="Forward"/>.</param>
    /// <param name="tokenTypeIds">As in <see cref="Forward"/>.</param>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside its table.</exception>
    public BertOutput ForwardFromEmbeddings(Tensor words, Tensor? attentionMask = null, Tensor? positionIds = null, Tensor? tokenTypeIds = null)
    {
        ShapeCheck.Require(nameof(words), words, ShapeCheck.Any, ShapeCheck.Any, Config.HiddenSize);
        var (batch, tokens) = (words.shape[0], words.shape[1]);
        if (positionIds is null && tokens > Config.MaxPositionEmbeddings)
            throw new ArgumentException($"{tokens} tokens given, but the model has {Config.MaxPositionEmbeddings} positions", nameof(words));
        foreach (var (name, ids, count) in ((string, Tensor?, int)[])
            [(nameof(positionIds), positionIds, Config.MaxPositionEmbeddings), (nameof(tokenTypeIds), tokenTypeIds, Config.TypeVocabSize)])
        {
            if (ids is null) continue;
            ShapeCheck.Require(name, ids, batch, tokens);
            RequireIds(name, ids, count);
        }

        using var scope = NewDisposeScope();
        var mask = attentionMask is null ? null : BertMask.ForHeads(attentionMask);
        var states = new List<Tensor>(_layers.Count + 1) { _embeddings.Forward(words, positionIds, tokenTypeIds) };
        foreach (var layer in _layers) states.Add(layer.Forward(states[^1], mask));
        var pooled = _pooler?.Forward(states[^1].select(1, 0)).tanh(); // [B, T, D] -> [B, D]

        foreach (var state in states) state.MoveToOuterDisposeScope();
        return new BertOutput(states, pooled?.MoveToOuterDisposeScope());
    }

    // An index outside its table would be read anyway.
    static void RequireIds(string name, Tensor ids, int count)
    {
        if (ids.dtype != ScalarType.Int64) throw new ArgumentException($"{name} must be Int64, not {ids.dtype}", name);
        using var scope = NewDisposeScope();
        var (lowest, highest) = (ids.min().item<long>(), ids.max().item<long>());
        if (lowest < 0 || highest >= count) throw new ArgumentException($"{name} span {lowest} to {highest}, but the table has {count} rows", name);
    }
}
