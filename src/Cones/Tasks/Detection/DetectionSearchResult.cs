using Cones.Concepts;
using Cones.Search;

namespace Cones.Tasks.Detection;

/// <summary>What a search for a detector's concepts found.</summary>
/// <param name="Concept">The concepts, to be saved and disposed of by the caller.</param>
/// <param name="StartLoss">The mean validation loss before the first step.</param>
/// <param name="BestLoss">The lowest mean validation loss.</param>
/// <param name="Search">The loop's own result; null where nothing was searched.</param>
public sealed record DetectionSearchResult(ConceptFile Concept, double StartLoss, double BestLoss, SearchResult? Search) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Concept.Dispose();
        Search?.Dispose();
    }
}
