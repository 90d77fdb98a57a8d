using Cones.Models.GroundingDino.Text;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Self-attention masks and position ids of token ids.</summary>
public sealed class MasksRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-parts-masks"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var masks = TextMasks.FromIds(golden.Tensors["in.input_ids"]);
        result.Check("out.self_attention_mask", masks.SelfAttention);
        result.Check("out.position_ids", masks.PositionIds);
        result.RequireAllOutputs();
    }
}
