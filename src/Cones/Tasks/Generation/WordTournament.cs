using Cones.Prompts;

namespace Cones.Tasks.Generation;

/// <summary>
/// Finds the words with the lowest frozen evaluation loss among many by successive halving (Jamieson and Talwalkar,
/// arXiv 1502.07943): all are tried on few rows, the better half on twice as many, the last few on all. Every candidate sees the
/// same rows, so that few tell enough.
/// </summary>
sealed class WordTournament(TextSide text, IReadOnlyList<string> templates, FrozenEvaluation evaluation)
{
    const int FirstRows = 4;
    const int Finalists = 4;

    /// <summary>The candidates, best first.</summary>
    /// <param name="candidates">What stands in the templates.</param>
    /// <param name="cancellation">Asks to stop.</param>
    /// <exception cref="OperationCanceledException">It did.</exception>
    public IReadOnlyList<WordScore> Run(IReadOnlyList<Placeholder> candidates, CancellationToken cancellation)
    {
        var sums = candidates.ToDictionary(c => c, _ => 0.0);
        var left = candidates.ToList();
        var ranking = new List<WordScore>();
        var (done, rows) = (0, candidates.Count > Finalists ? Math.Min(FirstRows, evaluation.Count) : evaluation.Count);
        while (true)
        {
            foreach (var candidate in left)
            {
                cancellation.ThrowIfCancellationRequested();
                sums[candidate] += SumOfLosses(candidate, done, rows - done);
            }

            left = [.. left.OrderBy(c => sums[c])];
            var kept = rows == evaluation.Count ? 0 : Math.Max(Finalists, (left.Count + 1) / 2);
            ranking.InsertRange(0, left.Skip(kept).Select(c => new WordScore(c.BaseText, sums[c] / rows, rows)));
            if (kept == 0) return ranking;
            left = [.. left.Take(kept)];
            (done, rows) = (rows, left.Count > Finalists ? Math.Min(2 * rows, evaluation.Count) : evaluation.Count);
        }
    }

    double SumOfLosses(Placeholder candidate, int first, int count)
    {
        // Only the templates of these rows are encoded.
        int[] used = [.. evaluation.Templates(first, count).Distinct()];
        using var encodings = text.EncodeTemplates([.. used.Select(t => templates[t])], candidate);
        return evaluation.SumOfLosses(new TextPrompt(encodings), t => Array.IndexOf(used, t), first, count);
    }
}
