using System.CommandLine;

namespace Cones.Cli.Search;

/// <summary><c>cones search</c>: one sub-command a task.</summary>
static class SearchCommand
{
    public static Command Create()
    {
        var command = new Command("search", "Find a concept from a few pictures.");
        command.Subcommands.Add(SearchGenerationCommand.Create());
        command.Subcommands.Add(SearchDetectionCommand.Create());
        command.Subcommands.Add(SearchSegmentationCommand.Create());
        return command;
    }
}
