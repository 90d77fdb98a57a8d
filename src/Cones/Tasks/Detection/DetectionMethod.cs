namespace Cones.Tasks.Detection;

/// <summary>The ways of telling a detector what to find.</summary>
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

    /// <summary>The detector's last linear layers are trained (GLIP's linear probe).</summary>
    Linear,

    /// <summary>All weights are trained.</summary>
    Full,
}

/// <summary>What a class's vectors start from.</summary>
public enum ClassInit
{
    /// <summary>The encoding of its name.</summary>
    Name,

    /// <summary>Random directions of the same norm.</summary>
    Random,

    /// <summary>The mean of its regions in the training images, brought into the text space by the pseudo-inverse of the text projection.</summary>
    Prototype,
}

/// <summary>What decides which step of a search is best.</summary>
public enum StepChoice
{
    /// <summary>COCO's average precision on the validation images; of equal ones the lower loss.</summary>
    Ap,

    /// <summary>The mean loss.</summary>
    Loss,
}

/// <summary>How training images are changed.</summary>
public enum AugmentationKind
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>As the detector's own training changes them: other sizes, mirrored.</summary>
    Reference,
}

/// <summary>What the methods have in common.</summary>
public static class DetectionMethods
{
    /// <summary>Whether the method trains the detector's weights: its result is a model.</summary>
    public static bool TrainsWeights(this DetectionMethod method) => method is DetectionMethod.Linear or DetectionMethod.Full;

    /// <summary>Whether the method can go on from a concept that was found before.</summary>
    public static bool CanFollow(this DetectionMethod method) => method is DetectionMethod.Concept or DetectionMethod.Offset || method.TrainsWeights();
}
