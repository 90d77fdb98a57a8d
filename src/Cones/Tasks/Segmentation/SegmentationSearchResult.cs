using Cones.Concepts;
using Cones.Search;

namespace Cones.Tasks.Segmentation;

/// <summary>What a search for a segmenter's concepts found.</summary>
/// <param name="Concept">The concepts, to be saved and disposed of by the caller; null where weights were tuned.</param>
/// <param name="StartLoss">The mean validation loss before the first step.</param>
/// <param name="BestLoss">The lowest mean validation loss.</param>
/// <param name="Search">The loop's own result; null where nothing was searched.</param>
/// <param name="Encoded">The pictures that had to be encoded, because no cache had them.</param>
/// <param name="Warnings">What was left out of the data, one sentence each.</param>
public sealed record SegmentationSearchResult(
    ConceptFile? Concept, double StartLoss, double BestLoss, SearchResult? Search, int Encoded, IReadOnlyList<string> Warnings) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Concept?.Dispose();
        Search?.Dispose();
    }
}
