using System.CommandLine;
using Cones.Cli.Compare;
using Cones.Cli.Concepts;
using Cones.Cli.Detect;
using Cones.Cli.Doctor;
using Cones.Cli.Evaluate;
using Cones.Cli.Generate;
using Cones.Cli.Models;
using Cones.Cli.Search;
using Cones.Cli.Segment;
using Cones.Models;
using Cones.Models.Weights;

namespace Cones.Cli;

/// <summary>The <c>cones</c> command: parses, runs, and turns exceptions into one sentence and an exit code.</summary>
static class ConesCommand
{
    static readonly Option<bool> s_verbose = new("--verbose")
    {
        Description = "Show the stack trace of an error.",
        Recursive = true,
    };

    /// <summary>Runs the program with its arguments and returns its exit code.</summary>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        var root = new RootCommand(
            """
            Concept embedding search for frozen vision-language models.

            Give a few pictures; cones searches the prompt embeddings at the text encoder's output and writes a concept
            file of a few kilobytes that makes the frozen model draw, detect or segment that concept.

            Examples:
              cones search generation --images my-dog --name "<dog>" --init dog -o dog.concept.safetensors
              cones generate "a photo of <dog> on the beach" --concept dog.concept.safetensors
              cones doctor
            """);
        root.Options.Add(s_verbose);
        root.Subcommands.Add(SearchCommand.Create());
        root.Subcommands.Add(GenerateCommand.Create());
        root.Subcommands.Add(DetectCommand.Create());
        root.Subcommands.Add(SegmentCommand.Create());
        root.Subcommands.Add(EvaluateCommand.Create());
        root.Subcommands.Add(CompareCommand.Create());
        root.Subcommands.Add(ConceptCommand.Create());
        root.Subcommands.Add(ModelsCommand.Create());
        root.Subcommands.Add(DoctorCommand.Create());

        BriefHelp.Install(root);

        var parsed = root.Parse(args);
        var configuration = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false };
        if (parsed.Errors.Count > 0)
        {
            if (ParseErrors.LacksCommand(parsed)) root.Parse([.. args, "--help"]).Invoke(new InvocationConfiguration { Output = error, Error = error });
            foreach (var problem in ParseErrors.Of(parsed)) error.WriteLine($"cones: {problem}");
            error.WriteLine($"See `{ParseErrors.CommandPath(parsed)} --help`.");
            return ExitCodes.BadInput;
        }

        try
        {
            return parsed.Invoke(configuration);
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("cones: stopped");
            return ExitCodes.Cancelled;
        }
        catch (Exception e)
        {
            var expected = e is ConesException or IOException or UnauthorizedAccessException;
            var remedy = e is not ConesException && FileErrors.IsDiskFull(e) ? "; free some space, the same command then goes on from its last checkpoint" : "";
            error.WriteLine(expected ? $"cones: {e.Message}{remedy}" : $"cones: unexpected error: {e.Message} (--verbose shows where)");
            if (parsed.GetValue(s_verbose)) error.WriteLine(e);
            return expected ? ExitCodes.BadInput : ExitCodes.Failure;
        }
    }
}
