using Cones.Models;
using Cones.Search.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>
/// Optimises the parameters of a problem. One seed gives one result, byte for byte; a search that was killed at any moment
/// and runs again on its folder gives what it would have given.
/// </summary>
public static class SearchLoop
{
    /// <summary>Searches to the end, or from the folder's newest checkpoint to the end.</summary>
    /// <param name="problem">What to optimise. Its parameters hold the last (not the best) state afterwards.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Where checkpoints, metrics and previews go; null keeps nothing.</param>
    /// <param name="observer">Told about progress.</param>
    /// <param name="time">The clock of speeds, event files and timed checkpoints; it influences no result.</param>
    /// <param name="cancellation">Asks to stop: the step is finished and saved, and the result says so.</param>
    /// <returns>The parameters found, to be disposed of by the caller.</returns>
    /// <exception cref="ConesException">Options are out of range, or the folder belongs to another search.</exception>
    /// <exception cref="ArgumentException">The parameters are not named float32 leaves that require gradients.</exception>
    public static SearchResult Run(
        ISearchProblem problem,
        SearchOptions options,
        RunFolder? folder = null,
        ISearchObserver? observer = null,
        TimeProvider? time = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        using var scope = NewDisposeScope();
        using var state = new SearchState(problem, options);
        using var session = new SearchSession(problem, options, state, observer ?? new SilentObserver(), folder, time ?? TimeProvider.System);
        return session.Run(cancellation);
    }
}
