namespace Cones.Models.GroundingDino.Losses;

/// <summary>
/// Costs of the assignment and weights of the loss; the defaults are those of mmdet's configurations of Grounding DINO and MM
/// Grounding DINO.
/// </summary>
public sealed record DetectionLossOptions
{
    /// <summary>Weight of the class scores in the assignment (<c>BinaryFocalLossCost</c>).</summary>
    public double ClassCost { get; init; } = 2;

    /// <summary>Weight of the distance of boxes in the assignment (<c>BBoxL1Cost</c>).</summary>
    public double BoxCost { get; init; } = 5;

    /// <summary>Weight of the overlap of boxes in the assignment (<c>IoUCost</c>).</summary>
    public double IouCost { get; init; } = 2;

    /// <summary>Weight of the class scores in the loss.</summary>
    public double ClassWeight { get; init; } = 1;

    /// <summary>Weight of the distance of boxes in the loss.</summary>
    public double BoxWeight { get; init; } = 5;

    /// <summary>Weight of the overlap of boxes in the loss.</summary>
    public double IouWeight { get; init; } = 2;

    /// <summary>Alpha of the focal loss: the weight of positive tokens; that of the others is 1 - alpha.</summary>
    public double FocalAlpha { get; init; } = 0.25;

    /// <summary>Gamma of the focal loss.</summary>
    public double FocalGamma { get; init; } = 2;
}
