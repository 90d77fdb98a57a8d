using Cones.Goldens;

namespace Cones.Tests.Goldens;

/// <summary>Every golden case as one test; the same runners as <c>eng/goldens</c>.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string> Cases()
    {
        var data = new TheoryData<string>();
        foreach (var golden in GoldenCase.Discover(GoldenSuite.DefaultFolder)) data.Add(golden.Id);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Matches_the_reference(string id)
    {
        var golden = GoldenCase.Discover(Path.Combine(GoldenSuite.DefaultFolder, id)).Single();
        var result = GoldenSuite.Run(golden);
        if (result.Skipped is { } reason && result.Failures.Count == 0) Assert.Skip(reason);
        Assert.True(result.Failures.Count == 0, $"{id}\n{string.Join("\n", result.Failures)}");
    }
}
