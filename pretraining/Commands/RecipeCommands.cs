using System.CommandLine;
using Cones.Pretraining.Recipes.Clip;
using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Recipes.Latents;
using Cones.Pretraining.Recipes.Segmenter;
using Cones.Pretraining.Recipes.Tokenizer;
using Cones.Pretraining.Recipes.UNet;
using Cones.Pretraining.Recipes.Vae;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Commands;

/// <summary>One command a recipe, all with the same options.</summary>
static class RecipeCommands
{
    /// <summary>The exit code of a run that was stopped before its end.</summary>
    public const int Stopped = 130;

    /// <summary>All recipes, in the order in which they build on each other.</summary>
    public static IReadOnlyList<IRecipe> All { get; } =
    [
        new TokenizerRecipe(), new VaeRecipe(), new ClipRecipe(), new LatentsRecipe(), new UNetRecipe(),
        DetectorRecipe.Fusion(), DetectorRecipe.Microscopy(), DetectorRecipe.NoFusion(), new SegmenterRecipe(), SegmenterRecipe.Finer,
    ];

    /// <summary>Adds the commands.</summary>
    public static void AddTo(Command root)
    {
        foreach (var recipe in All) root.Subcommands.Add(Create(recipe));
    }

    static Command Create(IRecipe recipe)
    {
        const string artifacts = "artifacts/pretraining";
        var data = new Option<string>("--data") { Description = "The folder that prepare-data.sh filled.", DefaultValueFactory = _ => $"{artifacts}/data" };
        var runs = new Option<string>("--runs") { Description = "The folder with a run for each recipe; an existing run is continued.", DefaultValueFactory = _ => $"{artifacts}/runs" };
        var steps = new Option<long?>("--steps") { Description = "Steps instead of the recipe's; a run may be lengthened until its rate begins to fall." };
        var seed = new Option<long>("--seed") { Description = "Decides everything random." };
        var threads = new Option<int?>("--threads") { Description = "Threads; default: those of the run, or the cores that are free now." };
        var command = new Command(recipe.Name, recipe.Description) { data, runs, steps, seed, threads };
        command.SetAction(parsed =>
        {
            ComputeThreads.BeNice();
            using var signal = new StopSignal();
            var options = new RunOptions(
                parsed.GetValue(data)!, parsed.GetValue(runs)!, parsed.GetValue(steps), parsed.GetValue(seed), parsed.GetValue(threads), Console.Error);
            return recipe.Run(options, signal.Token) ? 0 : Stopped;
        });
        return command;
    }
}
