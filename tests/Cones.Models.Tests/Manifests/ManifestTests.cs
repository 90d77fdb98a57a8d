using Cones.Models.Weights;
using TorchSharp;

namespace Cones.Models.Tests.Manifests;

/// <summary>Models have exactly the keys and shapes of the published checkpoints, and take no memory before loading.</summary>
public sealed class ManifestTests
{
    static readonly string s_goldens = FindGoldens();

    const string OptionalEnding = ".optional";

    /// <summary>Every manifest there is, as <c>area/name</c>.</summary>
    public static TheoryData<string> Manifests() => [.. Files().Where(m => !m.EndsWith(OptionalEnding, StringComparison.Ordinal))];

    /// <summary>The manifests that come with a list of keys that a file may hold besides.</summary>
    public static TheoryData<string> ManifestsWithOptionalKeys() =>
        [.. Files().Where(m => m.EndsWith(OptionalEnding, StringComparison.Ordinal)).Select(m => m[..^OptionalEnding.Length])];

    static IEnumerable<string> Files() =>
        Directory.EnumerateDirectories(s_goldens)
            .Select(area => Path.Combine(area, "manifests"))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.json"))
            .Select(file => $"{Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(file)))}/{Path.GetFileNameWithoutExtension(file)}")
            .Order(StringComparer.Ordinal);

    [Theory]
    [MemberData(nameof(Manifests))]
    public void A_model_fits_its_published_checkpoint(string manifest)
    {
        var row = ManifestModels.All.SingleOrDefault(m => m.Manifest == manifest);
        Assert.SkipWhen(row is null, "no model is listed for this manifest");
        using var checkpoint = new ManifestCheckpoint(PathOf(manifest));
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using var model = row!.Build();

        // Throws with all that is missing, unexpected or of another shape.
        var pairs = ModelLoader.Match(model, checkpoint, new LoadOptions { Rename = row.Rename ?? (key => key) });

        Assert.Equal(checkpoint.Tensors.Keys.Where(k => !row.Unused.Any(u => k.StartsWith(u, StringComparison.Ordinal))).Order(), pairs.Select(p => p.Key).Order());
        Assert.Equal(row.Parameters, model.CountParameters());
        Assert.All(pairs, p => Assert.False(p.Weight.IsLoaded));
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [MemberData(nameof(ManifestsWithOptionalKeys))]
    public void Keys_that_a_checkpoint_may_hold_besides_change_nothing(string manifest)
    {
        var row = ManifestModels.All.SingleOrDefault(m => m.Manifest == manifest);
        Assert.SkipWhen(row is null, "no model is listed for this manifest");
        using var plain = new ManifestCheckpoint(PathOf(manifest));
        using var full = new ManifestCheckpoint(PathOf(manifest), PathOf(manifest + OptionalEnding));
        using var model = row!.Build();
        var options = new LoadOptions { Rename = row.Rename ?? (key => key) };

        Assert.True(full.Tensors.Count > plain.Tensors.Count);
        Assert.Equal(ModelLoader.Match(model, plain, options), ModelLoader.Match(model, full, options));
    }

    [Fact]
    public void Every_model_listed_has_a_manifest()
    {
        var listed = ManifestModels.All.Select(m => m.Manifest).ToArray();
        Assert.Equal(listed.Distinct(), listed);
        Assert.All(listed, m => Assert.True(File.Exists(PathOf(m)), m));
    }

    static string PathOf(string manifest) =>
        Path.Combine(s_goldens, Path.GetDirectoryName(manifest)!, "manifests", $"{Path.GetFileName(manifest)}.json");

    static string FindGoldens()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "cones.slnx"))) folder = folder.Parent!;
        return Path.Combine(folder.FullName, "tests", "goldens");
    }
}
