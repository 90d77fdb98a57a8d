using System.CommandLine;
using Cones.Pretraining.Data;
using Cones.Pretraining.Samples;
using Cones.Pretraining.Smoke;

namespace Cones.Pretraining.Commands;

/// <summary><c>data</c> and <c>samples</c>: what the two scripts call.</summary>
static class DataCommand
{
    /// <summary>Adds both commands.</summary>
    public static void AddTo(Command root)
    {
        var modules = new Argument<string>("node_modules");
        var output = new Argument<string>("output");
        var rendered = new Argument<string>("rendered");
        var recipe = new Argument<string>("recipe");
        var folder = new Argument<string>("data");
        var sheet = new Argument<string?>("sheet") { Arity = ArgumentArity.ZeroOrOne };

        var data = new Command("data", "Steps of prepare-data.sh.");
        data.Subcommands.Add(With(new Command("packages", "Lists the npm packages."), _ => DataCommands.ListPackages(Console.Out)));
        data.Subcommands.Add(With(new Command("svg", "Writes the vector drawings."), r => DataCommands.WriteSvg(r.GetValue(modules)!, r.GetValue(output)!), modules, output));
        data.Subcommands.Add(With(new Command("pack", "Packs the rendered drawings."), r => DataCommands.Pack(r.GetValue(modules)!, r.GetValue(rendered)!, r.GetValue(output)!), modules, rendered, output));
        data.Subcommands.Add(With(new Command("generated", "Writes a few drawn shapes in the place of the emoji, to try recipes without a download."), r => SmokeData.Write(r.GetValue(output)!), output));
        root.Subcommands.Add(data);

        var samples = new Command("samples", "Steps of Samples/draw.sh.");
        samples.Subcommands.Add(With(new Command("packages", "Lists the npm packages."), r => SamplesCommand.ListPackages(r.GetValue(recipe)!, Console.Out), recipe));
        samples.Subcommands.Add(With(
            new Command("draw", "Draws the sample pictures."),
            r => SamplesCommand.Draw(r.GetValue(recipe)!, r.GetValue(modules)!, r.GetValue(output)!, r.GetValue(sheet)),
            recipe, modules, output, sheet));
        samples.Subcommands.Add(With(
            new Command("detection", "Draws the annotated sample scenes; needs the folder that prepare-data.sh filled."),
            r => DetectionSamples.Draw(r.GetValue(folder)!, r.GetValue(output)!), folder, output));
        samples.Subcommands.Add(With(
            new Command("segmentation", "Draws the sample scenes with masks; needs the folder that prepare-data.sh filled."),
            r => SegmentationSamples.Draw(r.GetValue(folder)!, r.GetValue(output)!), folder, output));
        root.Subcommands.Add(samples);
    }

    static Command With(Command command, Action<ParseResult> action, params Argument[] arguments)
    {
        foreach (var argument in arguments) command.Arguments.Add(argument);
        command.SetAction(action);
        return command;
    }
}
