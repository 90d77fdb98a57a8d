using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Output;
using Cones.Concepts;
using Cones.Models;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Detection;

namespace Cones.Cli.Search;

/// <summary><c>cones search detection</c>: from a few annotated images to concepts that a frozen detector finds, or to a trained detector.</summary>
static class SearchDetectionCommand
{
    const string DefaultModelFolder = "detection.model";

    static readonly DetectionOptionSet s_what = new();
    static readonly Option<string?> s_output = new("--output", "-o") { Description = $"The concept file to write (*{ConceptFile.Extension}); of linear and full the model folder. Default: detection{ConceptFile.Extension}, {DefaultModelFolder}.", HelpName = "PATH" };
    static readonly Option<string?> s_run = new("--run") { Description = "The run's folder: metrics, checkpoints. A stopped search goes on from it. Default: the output's name with .run.", HelpName = "DIR" };
    static readonly Option<bool> s_restart = new("--restart") { Description = "Begin anew even if the run's folder holds a search." };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "detection",
            """
            Find concepts that a frozen grounded detector finds, one for each class; or train the detector, for comparison or as a second stage.

            Examples:
              cones search detection --data train.json --images DIR --val val.json --model glip-tiny --shots 10 -o cells.concept.safetensors
              cones search detection --data voc/ --split train --val voc/ --val-split val --model glip-tiny -o cells.concept.safetensors
              cones search detection --data train.json --val val.json --model glip-tiny --from cells.concept.safetensors --method full -o cells-model
            """);
        s_what.AddTo(command);
        foreach (var option in (Option[])[s_output, s_run, s_restart, s_json]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var options = s_what.Read(parsed, error);
        var trains = options.Method.TrainsWeights();
        var paths = trains
            ? RunPaths.OfModel(parsed.GetValue(s_output) ?? DefaultModelFolder, parsed.GetValue(s_run), options.Model)
            : RunPaths.Of(parsed.GetValue(s_output) ?? "detection" + ConceptFile.Extension, parsed.GetValue(s_run));
        if (trains) options = options with { ModelFolder = paths.Output };
        if (parsed.GetValue(s_restart)) RunFolder.Remove(paths.Run);

        using var stop = new StopSignal();
        using var folder = RunFolder.Open(paths.Run, RunStart.ResumeOrNew, DetectionRunDescription.Describe(options));
        var progress = new SearchProgress(error);
        using var result = progress.Run(() => DetectionSearch.Run(options, folder, progress, progress.Stage, stop.Token));

        if (result.Search?.Reason == StopReason.NonFinite) throw new ConesException(result.Search.Message);
        var stopped = result.Search?.Reason == StopReason.Cancelled;
        if (!stopped && !trains) result.Concept.Save(paths.Output);
        var report = DetectionSearchReport.Of(options, result, paths, !stopped, clock.Elapsed);
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else if (!stopped) report.Print(output);
        if (!stopped) return ExitCodes.Success;
        error.WriteLine($"stopped at step {report.Steps}; the same command goes on from there");
        return ExitCodes.Cancelled;
    }
}
