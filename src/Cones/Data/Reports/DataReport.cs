using System.Text;

namespace Cones.Data;

/// <summary>What was wrong with a data set that was read: every broken record is counted, the first ones of each kind are kept.</summary>
public sealed class DataReport
{
    /// <summary>The number of problems of one kind that are kept as sentences.</summary>
    public const int KeptOfAKind = 1000;

    readonly Dictionary<DataProblemKind, int> _counts = [];
    readonly List<DataProblem> _problems = [];

    /// <summary>The problems in the order in which they were found, at most <see cref="KeptOfAKind"/> of each kind.</summary>
    public IReadOnlyList<DataProblem> Problems => _problems;

    /// <summary>The number of broken records of each kind that occurred.</summary>
    public IReadOnlyDictionary<DataProblemKind, int> Counts => _counts;

    /// <summary>The number of broken records.</summary>
    public int Total => _counts.Values.Sum();

    /// <summary>Whether nothing was wrong.</summary>
    public bool IsClean => _counts.Count == 0;

    /// <summary>The number of broken records of one kind.</summary>
    public int Count(DataProblemKind kind) => _counts.GetValueOrDefault(kind);

    /// <summary>A line with the counts and a line for each of the first problems.</summary>
    /// <param name="lines">The largest number of problems named.</param>
    public string Summary(int lines = 10)
    {
        if (IsClean) return "no problems";
        var text = new StringBuilder($"{Total} problem{(Total == 1 ? "" : "s")}: ");
        text.AppendJoin(", ", _counts.OrderBy(c => c.Key).Select(c => $"{c.Value} {Words(c.Key)}"));
        foreach (var problem in _problems.Take(lines)) text.Append('\n').Append(problem.Message);
        if (Total > lines) text.Append($"\n... and {Total - Math.Min(lines, _problems.Count)} more");
        return text.ToString();
    }

    /// <inheritdoc/>
    public override string ToString() => Summary();

    internal void Add(DataProblemKind kind, string source, string record, string action)
    {
        var count = _counts[kind] = Count(kind) + 1;
        if (count <= KeptOfAKind) _problems.Add(new DataProblem(kind, source, $"{source}: {record}: {action}"));
    }

    // OutsideImage -> outside image
    static string Words(DataProblemKind kind) =>
        string.Concat(kind.ToString().Select((c, i) => char.IsUpper(c) ? (i > 0 ? " " : "") + char.ToLowerInvariant(c) : c.ToString()));
}
