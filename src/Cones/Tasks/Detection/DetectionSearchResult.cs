using Cones.Concepts;
using Cones.Search;

namespace Cones.Tasks.Detection;

/// <summary>What a search for a detector's concepts found.</summary>
/// <param name="Concept">The concepts, to be saved and disposed of by the caller.</param>
/// <param name="Start">Loss and AP before the first step.</param>
/// <param name="Best">Loss and AP of the step that is the result.</param>
/// <param name="TrainableParameters">The numbers that were searched or trained.</param>
/// <param name="Words">Candidates for the words of classes that were tried, best first for each class.</param>
/// <param name="Search">The loop's own result; null where nothing was searched.</param>
public sealed record DetectionSearchResult(
    ConceptFile Concept, SearchEvaluation Start, SearchEvaluation Best, long TrainableParameters, IReadOnlyList<ClassWordScore> Words, SearchResult? Search) : IDisposable
{
    /// <summary>The name of the concept file in a model folder that a search has trained.</summary>
    public const string ConceptName = "detection" + ConceptFile.Extension;

    /// <summary>The mean validation loss before the first step.</summary>
    public double StartLoss => Start.Loss;

    /// <summary>The mean validation loss of the step that is the result.</summary>
    public double BestLoss => Best.Loss;

    /// <inheritdoc/>
    public void Dispose()
    {
        Concept.Dispose();
        Search?.Dispose();
    }
}
