namespace Cones.Pretraining.Training;

/// <summary>What the command line says of a run.</summary>
/// <param name="Data">The data folder.</param>
/// <param name="Runs">The folder with a folder for each recipe's run.</param>
/// <param name="Steps">Steps instead of the recipe's.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Threads">Threads, or null to choose.</param>
/// <param name="Log">Progress for people.</param>
/// <param name="StopAfter">Stops after this many steps, as a signal would; for tests.</param>
sealed record RunOptions(string Data, string Runs, long? Steps, long Seed, int? Threads, TextWriter Log, long? StopAfter = null)
{
    /// <summary>The folder of a recipe's run.</summary>
    public string Folder(string recipe) => Path.Combine(Runs, recipe);

    /// <summary>The model that a recipe's run has exported.</summary>
    public string Model(string recipe) => Path.Combine(Runs, recipe, "model");
}
