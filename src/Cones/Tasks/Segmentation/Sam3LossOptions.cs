namespace Cones.Tasks.Segmentation;

/// <summary>The numbers of SAM 3's published loss (facebookresearch/sam3, training configurations for images).</summary>
public sealed record Sam3LossOptions
{
    /// <summary>What the class costs in the one-to-one matching.</summary>
    public double ClassCost { get; init; } = 2;

    /// <summary>What the distance of boxes costs in the one-to-one matching.</summary>
    public double BoxCost { get; init; } = 5;

    /// <summary>What the generalised IoU costs in the one-to-one matching.</summary>
    public double GiouCost { get; init; } = 2;

    /// <summary>The balance of the focal class cost.</summary>
    public double CostAlpha { get; init; } = 0.25;

    /// <summary>The exponent of the focal class cost.</summary>
    public double CostGamma { get; init; } = 2;

    /// <summary>The weight of the boxes' L1 distance (centre, width, height).</summary>
    public double Box { get; init; } = 5;

    /// <summary>The weight of the generalised IoU.</summary>
    public double Giou { get; init; } = 2;

    /// <summary>The weight of the IoU-aware binary cross-entropy.</summary>
    public double Class { get; init; } = 20;

    /// <summary>The weight of matched queries inside it.</summary>
    public double PositiveWeight { get; init; } = 10;

    /// <summary>How much the probability, beside the IoU, counts in a matched query's target: p^alpha · IoU^(1 - alpha).</summary>
    public double TargetAlpha { get; init; } = 0.25;

    /// <summary>How much less easy negatives count: p^gamma.</summary>
    public double NegativeGamma { get; init; } = 2;

    /// <summary>The number of queries over which the mean is taken, at least.</summary>
    public int Queries { get; init; } = 200;

    /// <summary>The weight of the presence token's binary cross-entropy.</summary>
    public double Presence { get; init; } = 20;

    /// <summary>The balance of the presence loss; both sides have 0.5.</summary>
    public double PresenceAlpha { get; init; } = 0.5;

    /// <summary>The weight of the masks' focal loss.</summary>
    public double MaskFocal { get; init; } = 200;

    /// <summary>The weight of the masks' dice loss.</summary>
    public double MaskDice { get; init; } = 10;

    /// <summary>Whether boxes, classes and presence of the earlier decoder layers count too.</summary>
    public bool EarlierLayers { get; init; } = true;

    /// <summary>The weight of predictions that are matched one to many.</summary>
    public double OneToMany { get; init; } = 2;

    /// <summary>How much the probability, beside the IoU, counts in the one-to-many matching.</summary>
    public double OneToManyAlpha { get; init; } = 0.3;

    /// <summary>The least score of a one-to-many match.</summary>
    public double OneToManyThreshold { get; init; } = 0.4;

    /// <summary>About how many queries an object gets at most in the one-to-many matching.</summary>
    public int OneToManyTopK { get; init; } = 4;
}
