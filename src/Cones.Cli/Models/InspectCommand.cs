using System.CommandLine;
using Cones.Cli.Output;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Models.Weights.Inspection;

namespace Cones.Cli.Models;

/// <summary><c>cones models inspect</c>: what a checkpoint or pipeline holds and what of it would not load.</summary>
static class InspectCommand
{
    static readonly string[] s_fileExtensions = [".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".json"];

    public static Command Create()
    {
        var path = new Argument<string>("path") { Description = "A file of weights, the folder of a component or of a pipeline, or a Hugging Face id in the cache." };
        var keys = new Option<bool>("--keys") { Description = "List every tensor, and all that does not fit." };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var variant = new Option<string?>("--variant") { Description = "The variant of the weights in folders, e.g. fp16." };
        var command = new Command("inspect", "Show what model files hold, and what of it would not load. Exit code 2 where something does not fit.") { path, keys, json, variant };
        command.SetAction(parsed =>
        {
            var report = Inspect(parsed.GetValue(path)!, parsed.GetValue(variant));
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json)) JsonOutput.Write(output, InspectJson.Of(report, parsed.GetValue(keys)));
            else InspectTables.Print(report, parsed.GetValue(keys), TextOutput.Console(output));
            return IsSound(report) ? ExitCodes.Success : ExitCodes.BadInput;
        });
        return command;
    }

    /// <summary>Whether nothing is wrong as far as it can be told; models of unknown families are.</summary>
    public static bool IsSound(CheckpointReport report) =>
        report.Problem is null && (report.Fit is null || report.Fit.Fits) && report.Components.All(IsSound);

    static CheckpointReport Inspect(string path, string? variant)
    {
        // A file's name may look like a model's id.
        if (!Path.Exists(path) && s_fileExtensions.Contains(Path.GetExtension(path).ToLowerInvariant()))
            throw new ConesException($"{path} does not exist: check the path");
        return CheckpointInspection.Inspect(HuggingFaceCache.Default().Resolve(path), KnownModels.All, variant);
    }
}
