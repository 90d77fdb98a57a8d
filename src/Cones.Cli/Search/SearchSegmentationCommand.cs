using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Output;
using Cones.Concepts;
using Cones.Models;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Segmentation;

namespace Cones.Cli.Search;

/// <summary><c>cones search segmentation</c>: from a few images with masks to concepts that a frozen segmenter finds.</summary>
static class SearchSegmentationCommand
{
    static readonly SegmentationOptionSet s_what = new();
    static readonly Option<string?> s_output = new("--output", "-o") { Description = $"The concept file to write (*{ConceptFile.Extension}); with --method full the folder of the tuned model. Default: segmentation{ConceptFile.Extension}, segmentation-model.", HelpName = "PATH" };
    static readonly Option<string?> s_run = new("--run") { Description = "The run's folder: metrics, checkpoints. A stopped search goes on from it. Default: the output's name with .run.", HelpName = "DIR" };
    static readonly Option<bool> s_restart = new("--restart") { Description = "Begin anew even if the run's folder holds a search." };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "segmentation",
            """
            Find concepts that a frozen segmenter (SAM, SAM 3) segments, one for each class.

            Example: cones search segmentation --data train.json --images DIR --val val.json --model sam-vit-base --shots 10 -o nuclei.concept.safetensors
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
        using var stop = new StopSignal();
        var options = s_what.Read(parsed, error, stop.Token);
        var tunes = options.Method == SegmentationMethod.Full;
        var (target, run) = tunes ? ModelPaths(parsed) : ConceptPaths(parsed);
        if (parsed.GetValue(s_restart)) RunFolder.Remove(run);

        using var folder = RunFolder.Open(run, RunStart.ResumeOrNew, SegmentationRunDescription.Describe(options));
        var progress = new SearchProgress(error);
        using var result = progress.Run(() => SegmentationSearch.Run(options, folder, tunes ? target : null, progress, progress.Stage, stop.Token));

        foreach (var warning in result.Warnings) error.WriteLine($"warning: {warning}");
        if (result.Search?.Reason == StopReason.NonFinite) throw new ConesException(result.Search.Message);
        var stopped = result.Search?.Reason == StopReason.Cancelled;
        if (!stopped) result.Concept?.Save(target);
        var report = SegmentationSearchReport.Of(options, result, target, run, !stopped, clock.Elapsed);
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else if (!stopped) report.Print(output);
        if (!stopped) return ExitCodes.Success;
        error.WriteLine($"stopped at step {report.Steps}; the same command goes on from there");
        return ExitCodes.Cancelled;
    }

    static (string Target, string Run) ConceptPaths(ParseResult parsed)
    {
        var paths = RunPaths.Of(parsed.GetValue(s_output) ?? "segmentation" + ConceptFile.Extension, parsed.GetValue(s_run));
        return (paths.Output, paths.Run);
    }

    static (string Target, string Run) ModelPaths(ParseResult parsed)
    {
        var target = parsed.GetValue(s_output) ?? "segmentation-model";
        if (target.EndsWith(ConceptFile.Extension, StringComparison.OrdinalIgnoreCase))
            throw new ConesException($"{target} is the name of a concept file, but full tunes the model: name a folder for it (--output)");
        if (File.Exists(target)) throw new ConesException($"{target} is a file: name a folder for the tuned model (--output)");
        return (target, parsed.GetValue(s_run) ?? target.TrimEnd('/', '\\') + ".run");
    }
}
