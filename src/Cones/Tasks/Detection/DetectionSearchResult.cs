using Cones.Concepts;
using Cones.Search;

namespace Cones.Tasks.Detection;

/// <summary>What a search for a detector's concepts found.</summary>
/// <param name="Concept">The concepts, to be saved and disposed of by the caller.</param>
/// <param name="Start">How well the prompt did before the first step.</param>
/// <param name="Best">How well the best step did.</param>
/// <param name="Search">The loop's own result; null where nothing was searched.</param>
public sealed record DetectionSearchResult(ConceptFile Concept, Judgement Start, Judgement Best, SearchResult? Search) : IDisposable
{
    /// <summary>The mean validation loss before the first step.</summary>
    public double StartLoss => Start.Loss;

    /// <summary>The mean validation loss of the best step.</summary>
    public double BestLoss => Best.Loss;

    /// <inheritdoc/>
    public void Dispose()
    {
        Concept.Dispose();
        Search?.Dispose();
    }
}
