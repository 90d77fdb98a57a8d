using Cones.Models.GroundingDino;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Whole models: outputs and gradients, or some steps of training what stands before the detector.</summary>
public sealed class ModelRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => [GroundingDinoConfig.GroundingDino, GroundingDinoConfig.MMGroundingDino];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = GroundingDinoModel.FromFolder(Path.GetFullPath(golden.PathOf(golden.Json.GetProperty("model").GetString()!)));
        result.ExpectEqual(golden.Kind == GroundingDinoConfig.MMGroundingDino, model.Config.ScaledClassHeads, "scaled class heads");
        if (golden.Json.TryGetProperty("method", out _)) new FineTuneCase(golden, result, model).Run();
        else new ForwardCase(golden, result, model).Run();
        result.RequireAllOutputs();
    }
}
