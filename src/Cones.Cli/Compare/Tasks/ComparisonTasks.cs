namespace Cones.Cli.Compare.Tasks;

/// <summary>The tasks that can be compared.</summary>
static class ComparisonTasks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IComparisonTask> All { get; } = [new GenerationComparison(), new DetectionComparison(), new SegmentationComparison()];

    /// <summary>The task of a name, or null.</summary>
    public static IComparisonTask? Find(string name) => All.FirstOrDefault(t => t.Name == name);

    /// <summary>The task of a name that was checked before.</summary>
    public static IComparisonTask Get(string name) => Find(name) ?? throw new ArgumentException($"no task is called '{name}'", nameof(name));
}
