using Cones.Models.Layers;

namespace Cones.Models.Weights.Inspection;

/// <summary>Lists what a checkpoint holds, says what model it is, and compares it with that model. Reads no tensor.</summary>
public static class CheckpointInspection
{
    /// <summary>Inspects a file, a component's folder, or a pipeline's folder (<c>model_index.json</c>).</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="models">The models to compare with.</param>
    /// <param name="variant">The variant to take in folders, e.g. <c>fp16</c>; null for the best one.</param>
    /// <exception cref="ConesException">There is nothing to inspect. What is wrong with a part of a pipeline is in its report.</exception>
    public static CheckpointReport Inspect(string path, IReadOnlyList<InspectableModel>? models = null, string? variant = null)
    {
        models ??= [];
        var index = Path.Combine(path, "model_index.json");
        return File.Exists(index) ? InspectPipeline(path, index, models, variant) : InspectCheckpoint(path, models, variant);
    }

    static CheckpointReport InspectPipeline(string folder, string index, IReadOnlyList<InspectableModel> models, string? variant) => new()
    {
        Path = folder,
        Family = FamilyRecognition.FromConfig(index),
        FamilySource = index,
        Components = [.. CheckpointFolder.Components(folder).Select(c => Path.Combine(folder, c)).Where(IsModel).Select(c => InspectComponent(c, models, variant))],
    };

    // Tokenizers and schedulers have no weights.
    static bool IsModel(string folder) => File.Exists(Path.Combine(folder, "config.json"));

    static CheckpointReport InspectComponent(string folder, IReadOnlyList<InspectableModel> models, string? variant)
    {
        try
        {
            return InspectCheckpoint(folder, models, variant);
        }
        catch (ConesException e)
        {
            return new CheckpointReport { Path = folder, Problem = e.Message };
        }
    }

    static CheckpointReport InspectCheckpoint(string path, IReadOnlyList<InspectableModel> models, string? variant)
    {
        using var checkpoint = Checkpoint.Open(path, variant);
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        var (family, source) = Recognise(checkpoint, Path.Combine(folder, "config.json"));
        var report = new CheckpointReport
        {
            Path = path,
            WeightsPath = checkpoint.Path,
            Format = Checkpoint.FormatOf(checkpoint.Path),
            Family = family,
            FamilySource = source,
            Tensors = [.. checkpoint.Tensors.Select(t => new TensorReport(t.Key, t.Value.Type, t.Value.Shape, t.Value.Bytes))],
            Metadata = checkpoint.Metadata,
        };
        return models.FirstOrDefault(m => m.Family == family) is { } model ? Compare(report, checkpoint, model, folder) : report;
    }

    static (string? Family, string? Source) Recognise(ICheckpoint checkpoint, string config)
    {
        var fromKeys = FamilyRecognition.FromKeys(checkpoint);

        // A concept or an embedding may lie beside the configuration of anything.
        if (fromKeys is not (FamilyRecognition.Concept or FamilyRecognition.Embedding or "LoRA") && File.Exists(config)
            && FamilyRecognition.FromConfig(config) is { } family)
            return (family, config);
        return (fromKeys, fromKeys is null ? null : "keys");
    }

    static CheckpointReport Compare(CheckpointReport report, ICheckpoint checkpoint, InspectableModel candidate, string folder)
    {
        Module? model = null;
        try
        {
            model = candidate.Build(folder);
            return report with { Fit = ModelFit.Compare(model, checkpoint, candidate.Options) };
        }
        catch (Exception e) when (e is ConesException or ArgumentException or NotSupportedException)
        {
            return report with { Problem = $"the model cannot be built from its configuration: {e.Message}" };
        }
        finally
        {
            model?.Dispose();
        }
    }
}
