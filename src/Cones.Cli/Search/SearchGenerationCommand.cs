using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Output;
using Cones.Concepts;
using Cones.Models;
using Cones.Search;
using Cones.Search.Runs;
using Cones.Tasks.Generation;

namespace Cones.Cli.Search;

/// <summary><c>cones search generation</c>: from pictures of a thing to a concept that a text-to-image model draws.</summary>
static class SearchGenerationCommand
{
    static readonly GenerationOptionSet s_what = new();
    static readonly Option<string?> s_output = new("--output", "-o") { Description = $"The concept file to write. Default: the name with {ConceptFile.Extension}.", HelpName = "FILE" };
    static readonly Option<string?> s_run = new("--run") { Description = "The run's folder: metrics, checkpoints, previews. A stopped search goes on from it. Default: the output's name with .run.", HelpName = "DIR" };
    static readonly Option<int> s_previews = new("--preview-every") { Description = "Steps between preview pictures; 0: at the beginning and the end only (of SDXL none).", HelpName = "N", DefaultValueFactory = _ => 0 };
    static readonly Option<bool> s_noPreviews = new("--no-previews") { Description = "Draw no previews and no picture of before and after." };
    static readonly Option<bool> s_restart = new("--restart") { Description = "Begin anew even if the run's folder holds a search." };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "generation",
            """
            Find a concept that a text-to-image model draws.

            Example: cones search generation --images my-dog --name "<dog>" --init dog -o dog.concept.safetensors
            """);
        s_what.AddTo(command);
        foreach (var option in (Option[])[s_output, s_run, s_previews, s_noPreviews, s_restart, s_json]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var options = s_what.Read(parsed);
        var every = parsed.GetValue(s_previews);
        options = options with { Search = options.Search with { PreviewInterval = parsed.GetValue(s_noPreviews) ? 0 : every } };
        options.Validate();
        var paths = RunPaths.Of(parsed.GetValue(s_output) ?? RunPaths.DefaultOutput(options.Name), parsed.GetValue(s_run));
        if (parsed.GetValue(s_restart)) RunFolder.Remove(paths.Run);

        using var stop = new StopSignal();
        using var folder = RunFolder.Open(paths.Run, RunStart.ResumeOrNew, GenerationRunDescription.Describe(options));
        var progress = new SearchProgress(error);
        using var previews = parsed.GetValue(s_noPreviews) ? null : new PreviewPictures(options.Name, includeXL: every > 0);
        using var result = progress.Run(() => GenerationSearch.Run(options, folder, progress, progress.Stage, previews is null ? null : previews.Write, stop.Token));

        if (result.Search?.Reason == StopReason.NonFinite) throw new ConesException(result.Search.Message);
        var stopped = result.Search?.Reason == StopReason.Cancelled;
        if (!stopped) result.Concept.Save(paths.Output);
        var comparison = !stopped && previews?.SaveComparison(paths.Comparison) == true ? paths.Comparison : null;
        var report = SearchReport.Of(options, result, paths, comparison, !stopped, clock.Elapsed);
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else if (!stopped) report.Print(output);
        if (!stopped) return ExitCodes.Success;
        error.WriteLine($"stopped at step {report.Steps}; the same command goes on from there");
        return ExitCodes.Cancelled;
    }
}
