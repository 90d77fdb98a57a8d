using System.CommandLine;

namespace Cones.Cli.Models;

/// <summary><c>cones models</c>: what is known of model files.</summary>
static class ModelsCommand
{
    public static Command Create() => new("models", "Look into model files.") { InspectCommand.Create() };
}
