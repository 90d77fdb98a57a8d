using Cones.Pretraining.Smoke;

namespace Cones.Pretraining.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void Every_recipe_learns_and_resumes_to_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        var log = new StringWriter();
        SmokeRun.Run(folder.Path, log);
        Assert.Equal(SmokeRecipes.All.Count, log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }
}
