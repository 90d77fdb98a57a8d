namespace Cones.Pretraining.Tests;

/// <summary>A folder for one test.</summary>
sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cones-pretraining-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
