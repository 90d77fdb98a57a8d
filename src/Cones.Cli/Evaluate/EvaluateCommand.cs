using System.CommandLine;

namespace Cones.Cli.Evaluate;

/// <summary><c>cones evaluate</c>: one sub-command a task.</summary>
static class EvaluateCommand
{
    public static Command Create() => new("evaluate", "Score what a concept does.") { EvaluateGenerationCommand.Create(), EvaluateDetectionCommand.Create(), EvaluateSegmentationCommand.Create() };
}
