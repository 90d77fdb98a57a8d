using Cones.Models.Layers;

namespace Cones.Models.Weights.Inspection;

/// <summary>One tensor of a checkpoint.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Bytes">Its size in the file, without gaps.</param>
public sealed record TensorReport(string Key, DType Type, IReadOnlyList<long> Shape, long Bytes);

/// <summary>What a checkpoint or a whole pipeline holds.</summary>
public sealed record CheckpointReport
{
    /// <summary>The file or folder that was inspected.</summary>
    public required string Path { get; init; }

    /// <summary>The weights' file or index; null for a pipeline, and where there is none.</summary>
    public string? WeightsPath { get; init; }

    /// <summary>The format of <see cref="WeightsPath"/>.</summary>
    public CheckpointFormat Format { get; init; }

    /// <summary>The model's class, e.g. <c>UNet2DConditionModel</c>; null where it is not known.</summary>
    public string? Family { get; init; }

    /// <summary>How the family was found: the configuration's path, or <c>keys</c>; null where it was not.</summary>
    public string? FamilySource { get; init; }

    /// <summary>Every tensor in the order of the file.</summary>
    public IReadOnlyList<TensorReport> Tensors { get; init; } = [];

    /// <summary>The file's own text.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>The parts of a pipeline by the names of their folders.</summary>
    public IReadOnlyList<CheckpointReport> Components { get; init; } = [];

    /// <summary>How the tensors fit the model that the configuration describes; null where the family is not built here.</summary>
    public ModelFit? Fit { get; init; }

    /// <summary>Why something could not be inspected or compared, in a sentence; or null.</summary>
    public string? Problem { get; init; }

    /// <summary>The number of elements of all floating-point tensors, including those of the components.</summary>
    public long Parameters => Tensors.Where(t => t.Type.IsFloatingPoint()).Sum(t => new TensorInfo(t.Type, t.Shape).Count) + Components.Sum(c => c.Parameters);

    /// <summary>The size of all tensors in bytes, including those of the components.</summary>
    public long Bytes => Tensors.Sum(t => t.Bytes) + Components.Sum(c => c.Bytes);
}

/// <summary>A model that checkpoints can be compared with.</summary>
/// <param name="Family">The class as <see cref="FamilyRecognition"/> names it.</param>
/// <param name="Build">Builds it without weights, given the folder with its <c>config.json</c>.</param>
/// <param name="Options">How its keys are renamed; null for as they are.</param>
public sealed record InspectableModel(string Family, Func<string, Module> Build, LoadOptions? Options = null);
