using Cones.Concepts;
using Cones.Search;

namespace Cones.Tasks.Generation;

/// <summary>How well words do as a name.</summary>
/// <param name="Words">The words.</param>
/// <param name="Loss">The mean loss on the first rows of the frozen evaluation batch.</param>
/// <param name="Rows">How many rows: all of them for the last few candidates, fewer for those that fell behind.</param>
public sealed record WordScore(string Words, double Loss, int Rows);

/// <summary>What a search for personalised generation found.</summary>
/// <param name="Concept">The concept, to be saved and disposed of by the caller.</param>
/// <param name="StartLoss">The frozen evaluation loss before the first step.</param>
/// <param name="BestLoss">The lowest frozen evaluation loss.</param>
/// <param name="BaseText">The words the search started from.</param>
/// <param name="Candidates">The candidate names that were tried, best first; empty where there was no choice.</param>
/// <param name="Search">The loop's own result; null where nothing was searched.</param>
public sealed record GenerationSearchResult(
    ConceptFile Concept,
    double StartLoss,
    double BestLoss,
    string BaseText,
    IReadOnlyList<WordScore> Candidates,
    SearchResult? Search) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Concept.Dispose();
        Search?.Dispose();
    }
}
