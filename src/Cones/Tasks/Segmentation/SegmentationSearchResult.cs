using Cones.Concepts;
using Cones.Search;

namespace Cones.Tasks.Segmentation;

/// <summary>What a search for a segmenter's concepts found.</summary>
/// <param name="Concept">The concepts, to be saved and disposed of by the caller; null where weights were tuned.</param>
/// <param name="Start">The evaluation before the first step.</param>
/// <param name="Best">That of the step that was taken; that of the boxes alone where no step was better.</param>
/// <param name="BoxesAlone">What boxes give without a concept (SAM); null where there are none.</param>
/// <param name="Search">The loop's own result; null where nothing was searched.</param>
/// <param name="TakesBoxes">Whether boxes ask for its masks (SAM).</param>
/// <param name="Encoded">The pictures that had to be encoded, because no cache had them.</param>
/// <param name="Warnings">What was left out of the data, one sentence each.</param>
public sealed record SegmentationSearchResult(
    ConceptFile? Concept, SearchEvaluation Start, SearchEvaluation Best, SearchEvaluation? BoxesAlone, SearchResult? Search, bool TakesBoxes, int Encoded, IReadOnlyList<string> Warnings) : IDisposable
{
    /// <summary>The mean loss before the first step.</summary>
    public double StartLoss => Start.Loss;

    /// <summary>The mean loss of what was found.</summary>
    public double BestLoss => Best.Loss;

    /// <summary>Whether no step was better than the boxes alone, so that the concepts have no tokens.</summary>
    public bool IsBoxesAlone => BoxesAlone is not null && Best == BoxesAlone;

    /// <inheritdoc/>
    public void Dispose()
    {
        Concept?.Dispose();
        Search?.Dispose();
    }
}
