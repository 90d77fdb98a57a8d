namespace Cones.Tasks.Detection;

/// <summary>The ways of telling a frozen detector what to find.</summary>
public enum DetectionMethod
{
    /// <summary>Vectors of each class at the text encoder's output (ConES).</summary>
    Concept,

    /// <summary>A vector added to every slot of the caption's encoding (GLIP's prompt tuning v2).</summary>
    Offset,

    /// <summary>Learned words at the text encoder's input in place of each name (textual inversion).</summary>
    PseudoWord,

    /// <summary>Learned words at the text encoder's input before each name, shared by all classes (CoOp).</summary>
    SoftContext,

    /// <summary>Written names; nothing is searched.</summary>
    Text,
}

/// <summary>What a class's vectors start from.</summary>
public enum ClassInit
{
    /// <summary>The encoding of its name.</summary>
    Name,

    /// <summary>Random directions of the same norm.</summary>
    Random,
}

/// <summary>What decides which step of a search is the best.</summary>
public enum StepSelection
{
    /// <summary>COCO's average precision on the validation images; steps of one AP by their loss.</summary>
    Ap,

    /// <summary>The mean loss on them.</summary>
    Loss,
}
