namespace Cones.Models.Glip.Configuration;

/// <summary>The assignment of boxes to anchors and the losses (<c>MODEL.ATSS</c>, <c>FUSE_CONFIG</c>).</summary>
public sealed record GlipLossConfig
{
    /// <summary>The anchors of each level, closest to a box, that may become positive (<c>TOPK</c>).</summary>
    public int TopK { get; init; } = 9;

    /// <summary>The weight of tokens that a box is of, against 1 minus this for all others; below 0: both weigh 1.</summary>
    public double TokenAlpha { get; init; } = 0.25;

    /// <summary>The focal loss's exponent.</summary>
    public double TokenGamma { get; init; } = 2;

    /// <summary>The weight of the box loss (<c>REG_LOSS_WEIGHT</c>).</summary>
    public double BoxWeight { get; init; } = 2;

    internal void Validate()
    {
        GlipConfig.Positive(("topk", TopK));
        if (!(TokenAlpha <= 1)) throw new ArgumentException($"token_alpha is {TokenAlpha}, but must be at most 1");
        if (!(TokenGamma >= 0)) throw new ArgumentException($"token_gamma is {TokenGamma}, but must be at least 0");
        if (!(BoxWeight >= 0)) throw new ArgumentException($"reg_weight is {BoxWeight}, but must be at least 0");
    }
}
