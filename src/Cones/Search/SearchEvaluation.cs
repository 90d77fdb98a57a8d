namespace Cones.Search;

/// <summary>What an evaluation of the frozen data found.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Score">What decides which step is best, where the task has more to say than its loss: higher is better, equal scores are told apart by their losses. Null where the loss decides.</param>
public readonly record struct SearchEvaluation(double Loss, double? Score = null)
{
    /// <summary>Whether nothing in it is NaN or infinite.</summary>
    public bool IsFinite => double.IsFinite(Loss) && double.IsFinite(Score ?? 0);

    /// <summary>Whether this is better than <paramref name="other"/>: a higher score, or an equal one (or none) and a lower loss.</summary>
    public bool IsBetterThan(SearchEvaluation other) => Score == other.Score || Score is null || other.Score is null ? Loss < other.Loss : Score > other.Score;
}
