using Cones.Cli.Output;
using Cones.Models.Weights;
using Cones.Models.Weights.Inspection;
using Spectre.Console;

namespace Cones.Cli.Models;

/// <summary>A report as people read it.</summary>
static class InspectTables
{
    // Enough to see the pattern of what is wrong; --keys lists all.
    const int MostKeys = 10;

    public static void Print(CheckpointReport report, bool keys, IAnsiConsole console)
    {
        var parts = report.Components.Count > 0 ? report.Components : [report];
        console.WriteLine(TextOutput.Plain(report.Path));
        var table = TextOutput.Table("part", "family", "tensors", "parameters", "types", "size", "fit");
        foreach (var part in parts)
        {
            table.Row(
                Path.GetFileName(part.Path.TrimEnd('/', '\\')),
                part.Family ?? "unknown",
                TextOutput.Count(part.Tensors.Count),
                TextOutput.Count(part.Parameters),
                string.Join(", ", InspectJson.CountTypes(part).Select(d => d.Key)),
                TextOutput.Size(part.Bytes),
                part.Problem is not null ? "problem" : part.Fit is null ? "not compared" : part.Fit.Fits ? "fits" : "does not fit");
        }

        if (parts.Count > 1) table.Row("total", report.Family, TextOutput.Count(parts.Sum(p => p.Tensors.Count)), TextOutput.Count(report.Parameters), "", TextOutput.Size(report.Bytes), "");
        console.Write(table);
        foreach (var part in parts) PrintDetails(part, keys, console);
    }

    static void PrintDetails(CheckpointReport part, bool keys, IAnsiConsole console)
    {
        if (part.WeightsPath is { } weights) console.WriteLine(TextOutput.Plain($"{weights}: {part.Format}{(part.FamilySource is { } source ? $", family from {source}" : "")}"));
        foreach (var (key, value) in part.Metadata) console.WriteLine(TextOutput.Plain($"  {key} = {value}"));
        if (part.Problem is { } problem) console.WriteLine(TextOutput.Plain($"  problem: {problem}"));
        if (part.Fit is { } fit)
        {
            PrintKeys("missing", fit.Missing);
            PrintKeys("unexpected", fit.Unexpected);
            PrintKeys("of another shape", fit.Mismatched);
            PrintKeys("not of a floating-point type", fit.NotFloating);
            PrintKeys("ambiguous", fit.Ambiguous);
        }

        if (!keys || part.Tensors.Count == 0) return;
        var table = TextOutput.Table("key", "type", "shape");
        foreach (var tensor in part.Tensors) table.Row(tensor.Key, tensor.Type.Name(), TextOutput.Shape(tensor.Shape));
        console.Write(table);

        void PrintKeys(string what, IReadOnlyList<string> list)
        {
            if (list.Count == 0) return;
            console.WriteLine($"  {list.Count} {what}:");
            var shown = keys ? list.Count : Math.Min(list.Count, MostKeys);
            foreach (var key in list.Take(shown)) console.WriteLine(TextOutput.Plain($"    {key}"));
            if (shown < list.Count) console.WriteLine($"    and {list.Count - shown} more (--keys lists all)");
        }
    }
}
