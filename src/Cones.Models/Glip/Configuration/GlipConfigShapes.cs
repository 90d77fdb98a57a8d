using Cones.Models.Weights;

namespace Cones.Models.Glip.Configuration;

/// <summary>See <see cref="GlipConfig.FromWeights"/>.</summary>
static class GlipConfigShapes
{
    const int BertHeadWidth = 64;

    /// <summary>The configuration of a checkpoint.</summary>
    /// <exception cref="ConesException">The checkpoint is not of a GLIP model.</exception>
    public static GlipConfig Read(ICheckpoint checkpoint)
    {
        var shapes = new Dictionary<string, IReadOnlyList<long>>(StringComparer.Ordinal);
        foreach (var (key, info) in checkpoint.Tensors)
            if (GlipKeys.Rename(key) is { } name) shapes[name] = info.Shape;

        const string swin = "backbone.body.", bert = "language_backbone.body.model.", head = "rpn.head.";
        var words = Shape(bert + "embeddings.word_embeddings.weight", 2);
        int[] stages = [0, 1, 2, 3];
        int[] depths = [.. stages.Select(s => Count(b => $"{swin}layers.{s}.blocks.{b}.norm1.weight"))];
        var fusion = shapes.ContainsKey($"{head}dyhead_tower.0.b_attn.gamma_v");
        var towerStep = fusion ? 3 : 1;
        var layers = Count(i => $"{head}dyhead_tower.{(i * towerStep) + towerStep - 1}.offset.weight");
        var defaults = new GlipConfig();
        return defaults with
        {
            Swin = defaults.Swin with
            {
                EmbedDim = (int)Shape(swin + "patch_embed.proj.weight", 4)[0],
                PatchSize = (int)Shape(swin + "patch_embed.proj.weight", 4)[2],
                Depths = depths,
                NumHeads = [.. stages.Select(s => (int)Shape($"{swin}layers.{s}.blocks.0.attn.relative_position_bias_table", 2)[1])],
                WindowSize = ((int)Math.Round(Math.Sqrt(Shape($"{swin}layers.0.blocks.0.attn.relative_position_bias_table", 2)[0])) + 1) / 2,
                MlpRatio = (double)Shape($"{swin}layers.0.blocks.0.mlp.fc1.weight", 2)[0] / Shape($"{swin}layers.0.blocks.0.mlp.fc1.weight", 2)[1],
            },
            Bert = defaults.Bert with
            {
                VocabSize = (int)words[0],
                HiddenSize = (int)words[1],
                NumHiddenLayers = Count(i => $"{bert}encoder.layer.{i}.intermediate.dense.weight"),
                NumAttentionHeads = Math.Max(1, (int)words[1] / BertHeadWidth),
                IntermediateSize = (int)Shape(bert + "encoder.layer.0.intermediate.dense.weight", 2)[0],
                MaxPositionEmbeddings = (int)Shape(bert + "embeddings.position_embeddings.weight", 2)[0],
                TypeVocabSize = (int)Shape(bert + "embeddings.token_type_embeddings.weight", 2)[0],
            },
            Head = defaults.Head with
            {
                Channels = (int)Shape(head + "bbox_pred.weight", 4)[1],
                Layers = layers,
                EarlyFusion = fusion,
                FusedDotProduct = fusion && shapes.ContainsKey($"{head}dyhead_tower.{(layers * towerStep) - 2}.output.dense.weight"),
                FusionWidth = fusion ? (int)Shape($"{head}dyhead_tower.0.b_attn.attn.v_proj.weight", 2)[0] : defaults.Head.FusionWidth,
                HasPromptOffset = shapes.ContainsKey(GlipKeys.PromptOffset),
            },
        };

        IReadOnlyList<long> Shape(string key, int rank) =>
            shapes.TryGetValue(key, out var shape) && shape.Count == rank ? shape : throw new ConesException($"{checkpoint.Path} is no GLIP model: it has no '{key}' of {rank} dimensions");

        int Count(Func<int, string> key)
        {
            var count = 0;
            while (shapes.ContainsKey(key(count))) count++;
            return count;
        }
    }
}
