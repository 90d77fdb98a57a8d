using Cones.Models.Weights;
using Cones.Models.Weights.Inspection;

namespace Cones.Cli.Models;

/// <summary>A report as <c>--json</c> prints it.</summary>
sealed record InspectJson(
    string Path,
    string? Weights,
    string? Format,
    string? Family,
    string? FamilySource,
    int TensorCount,
    long Parameters,
    long Bytes,
    IReadOnlyDictionary<string, int> Dtypes,
    bool Sound,
    string? Problem,
    InspectJson.FitJson? Fit,
    IReadOnlyDictionary<string, string> Metadata,
    IReadOnlyList<InspectJson.TensorJson>? Tensors,
    IReadOnlyList<InspectJson>? Components)
{
    /// <summary>How the tensors fit the model.</summary>
    public sealed record FitJson(
        bool Fits,
        IReadOnlyList<string> Missing,
        IReadOnlyList<string> Unexpected,
        IReadOnlyList<string> Mismatched,
        IReadOnlyList<string> NotFloating,
        IReadOnlyList<string> Ambiguous);

    /// <summary>One tensor.</summary>
    public sealed record TensorJson(string Key, string Dtype, IReadOnlyList<long> Shape, long Bytes);

    public static InspectJson Of(CheckpointReport report, bool keys) => new(
        report.Path,
        report.WeightsPath,
        report.WeightsPath is null ? null : report.Format.ToString(),
        report.Family,
        report.FamilySource,
        report.Tensors.Count,
        report.Parameters,
        report.Bytes,
        CountTypes(report),
        InspectCommand.IsSound(report),
        report.Problem,
        report.Fit is { } fit ? new FitJson(fit.Fits, fit.Missing, fit.Unexpected, fit.Mismatched, fit.NotFloating, fit.Ambiguous) : null,
        report.Metadata,
        keys ? [.. report.Tensors.Select(t => new TensorJson(t.Key, t.Type.Name(), t.Shape, t.Bytes))] : null,
        report.Components.Count > 0 ? [.. report.Components.Select(c => Of(c, keys))] : null);

    /// <summary>How many tensors there are of each type, components included.</summary>
    public static IReadOnlyDictionary<string, int> CountTypes(CheckpointReport report) =>
        report.Components.SelectMany(c => c.Tensors).Concat(report.Tensors)
            .GroupBy(t => t.Type.Name()).OrderByDescending(g => g.Count()).ToDictionary(g => g.Key, g => g.Count());
}
