namespace Cones.Tasks.Detection;

/// <summary>Examples of several captions: every view comes once with each of them, so that a step never runs more than one.</summary>
/// <param name="views">The views, with the targets of a <see cref="ChunkedDetector"/>; not owned.</param>
/// <param name="captions">The number of captions.</param>
sealed class ChunkedExamples(IDetectionExamples views, int captions) : IDetectionExamples
{
    /// <inheritdoc/>
    public int Count => views.Count * captions;

    /// <inheritdoc/>
    public DetectionExample Read(int index, long epoch = 0)
    {
        var example = views.Read(index / captions, epoch);
        return example with { Targets = (ChunkedDetector.Targets)example.Targets with { Only = index % captions } };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The views are their owner's.
    }
}
