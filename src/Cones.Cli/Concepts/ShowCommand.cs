using System.CommandLine;
using System.Globalization;
using Cones.Cli.Output;
using Cones.Concepts;
using Cones.Concepts.Formats;
using Cones.Tasks.Detection;
using Cones.Tasks.Generation;
using Spectre.Console;

namespace Cones.Cli.Concepts;

/// <summary><c>cones concept show</c>: what a concept file, or an embedding file of another program, holds.</summary>
static class ShowCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "A concept file, or an embedding file of diffusers, AUTOMATIC1111, kohya or OneTrainer." };
        var model = new Option<string?>("--model") { Description = "A model (folder, file of weights or Hugging Face id): refuse a concept that does not fit it." };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var command = new Command("show", "Show what a concept file holds: origin, vectors, norms.") { file, model, json };
        command.SetAction(parsed =>
        {
            var report = Look(parsed.GetValue(file)!, parsed.GetValue(model) is { } named ? File.Exists(named) ? named : ModelFolder.Resolve(named) : null);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json)) JsonOutput.Write(output, report);
            else Print(report, TextOutput.Console(output));
            return ExitCodes.Success;
        });
        return command;
    }

    static ConceptReport Look(string path, string? model)
    {
        if (!ConceptReport.IsConcept(path))
        {
            using var other = EmbeddingFile.Read(path);
            return ConceptReport.Of(other, path);
        }

        using var concept = ConceptFile.Load(path);
        if (model is not null) concept.RequireModel(path, FingerprintOf(model), model);
        return ConceptReport.Of(concept, path, model is null ? null : true);
    }

    // A text-to-image model is a folder of folders; all else is a detector's.
    static string FingerprintOf(string model) =>
        Directory.Exists(Path.Combine(model, "unet")) ? GenerationModel.FingerprintOf(model) : Detectors.FingerprintOf(model);

    static void Print(ConceptReport report, IAnsiConsole console)
    {
        console.WriteLine(TextOutput.Plain($"{report.Path}: {report.Format}, {TextOutput.Size(report.Bytes)}{(report.Placeholder is { } name ? $", {name}" : "")}"));
        var table = TextOutput.Table("vectors", "layers", "slots", "dim", "pooled", "norm: mean", "min", "max");
        foreach (var v in report.Vectors)
            table.Row(v.Name, v.Layers?.ToString(CultureInfo.InvariantCulture), $"{v.Slots}", $"{v.Dim}", v.PooledDim?.ToString(CultureInfo.InvariantCulture), Norm(v.Norms.Mean), Norm(v.Norms.Min), Norm(v.Norms.Max));
        console.Write(table);
        foreach (var v in report.Vectors.Where(v => !v.Finite)) console.WriteLine(TextOutput.Plain($"{v.Name} holds NaN or infinity: the file is of no use"));
        foreach (var (key, value) in report.Metadata)
            if (value.Length > 0) console.WriteLine(TextOutput.Plain($"  {key} = {value}"));
        if (report.FitsModel is true) console.WriteLine("fits the model");
    }

    static string Norm(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
