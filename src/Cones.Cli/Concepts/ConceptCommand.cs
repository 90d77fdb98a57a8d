using System.CommandLine;

namespace Cones.Cli.Concepts;

/// <summary><c>cones concept</c>: what is known of concept files.</summary>
static class ConceptCommand
{
    public static Command Create() => new("concept", "Show and convert concept files.") { ShowCommand.Create(), ConvertCommand.Create() };
}
