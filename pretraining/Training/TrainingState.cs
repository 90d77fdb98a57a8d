using System.Text.Json;
using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Training;

/// <summary>How far a run has come, apart from its weights.</summary>
/// <param name="Plan">The run's numbers.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Threads">Threads that it was computed with last.</param>
/// <param name="MetricsLength">Bytes of the metrics file that belong to it.</param>
/// <param name="Sums">Sums of the metrics since the last line, by name.</param>
/// <param name="Summed">The number of steps in them.</param>
sealed record TrainingState(TrainingPlan Plan, long Step, int Threads, long MetricsLength, IReadOnlyDictionary<string, double> Sums, int Summed);

/// <summary>The checkpoint of a run: weights, moments and average as one vector each, and the <see cref="TrainingState"/>.</summary>
static class TrainingCheckpoint
{
    const string Format = "cones-pretraining-1";

    /// <summary>Writes the file; an old one is replaced when the new one is whole.</summary>
    public static void Save(string path, TrainingState state, FlatParameters parameters, AdamW optimizer) =>
        SafetensorsWriter.Write(
            path,
            Tensors(parameters, optimizer),
            new Dictionary<string, string>
            {
                ["format"] = Format,
                ["state"] = JsonSerializer.Serialize(state),
                ["weights"] = JsonSerializer.Serialize(parameters.Segments.Select(s => new { s.Name, s.Count })),
            });

    /// <summary>Reads a file into parameters and optimiser.</summary>
    /// <exception cref="ConesException">It belongs to another program, recipe or model.</exception>
    public static TrainingState Load(string path, FlatParameters parameters, AdamW optimizer)
    {
        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") != Format) throw new ConesException($"{path} is no checkpoint of a recipe: choose another --runs folder");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weights = JsonSerializer.Serialize(parameters.Segments.Select(s => new { s.Name, s.Count }));
        if (file.Metadata["weights"] != weights) throw new ConesException($"{path} is of a model of another shape: choose another --runs folder");
        foreach (var (name, tensor) in Tensors(parameters, optimizer)) tensor.copy_(file.Read(name));
        return JsonSerializer.Deserialize<TrainingState>(file.Metadata["state"])!;
    }

    static Dictionary<string, Tensor> Tensors(FlatParameters parameters, AdamW optimizer) => new()
    {
        ["weights"] = parameters.Values,
        ["exp_avg"] = optimizer.First,
        ["exp_avg_sq"] = optimizer.Second,
        ["average"] = optimizer.Average,
    };
}
