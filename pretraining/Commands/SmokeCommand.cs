using System.CommandLine;
using Cones.Pretraining.Smoke;

namespace Cones.Pretraining.Commands;

/// <summary><c>smoke</c>: every recipe for seconds, on generated data.</summary>
static class SmokeCommand
{
    /// <summary>Adds the command.</summary>
    public static void AddTo(Command root)
    {
        var command = new Command("smoke", "Runs every recipe for seconds on generated data and checks that the loss falls and that resumed runs are exact.");
        command.SetAction(_ =>
        {
            var folder = Directory.CreateTempSubdirectory("cones-smoke-").FullName;
            try
            {
                SmokeRun.Run(folder, Console.Out);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        });
        root.Subcommands.Add(command);
    }
}
