namespace Cones.Pretraining.Training;

/// <summary>Makes one model, or data for the next one, in its folder below <see cref="RunOptions.Runs"/>.</summary>
interface IRecipe
{
    /// <summary>The command's name and the folder's.</summary>
    string Name { get; }

    /// <summary>One sentence.</summary>
    string Description { get; }

    /// <summary>Begins or continues; a finished run is left as it is.</summary>
    /// <returns>Whether the run is complete.</returns>
    bool Run(RunOptions options, CancellationToken stop);
}
