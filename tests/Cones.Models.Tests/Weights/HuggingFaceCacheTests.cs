using Cones.Models.Weights;

namespace Cones.Models.Tests.Weights;

public sealed class HuggingFaceCacheTests : WeightsFixture
{
    const string Id = "runwayml/stable-diffusion-v1-5";

    [Fact]
    public void The_reference_to_main_decides()
    {
        var snapshot = Snapshot("abc");
        Snapshot("def");
        Reference("main", "abc\n");
        Assert.Equal(snapshot, new HuggingFaceCache(Folder).Resolve(Id));
        Assert.Equal(Path.Combine(Path.GetDirectoryName(snapshot)!, "def"), new HuggingFaceCache(Folder).Resolve(Id, "def"));
    }

    [Fact]
    public void Branches_with_slashes_and_tags_are_found()
    {
        var snapshot = Snapshot("abc");
        Reference("refs/pr/1", "abc");
        Assert.Equal(snapshot, new HuggingFaceCache(Folder).Find(Id, "refs/pr/1"));
    }

    [Fact]
    public void A_single_snapshot_is_enough()
    {
        var snapshot = Snapshot("abc");
        Assert.Equal(snapshot, new HuggingFaceCache(Folder).Find(Id));
        Snapshot("def");
        Assert.Contains("its revision main is not", Message(() => new HuggingFaceCache(Folder).Find(Id)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_model_says_where_it_was_looked_for_and_how_to_get_it()
    {
        var message = Message(() => new HuggingFaceCache(Folder).Resolve(Id, "fp16"));
        Assert.Contains(Path.Combine(Folder, "models--runwayml--stable-diffusion-v1-5"), message, StringComparison.Ordinal);
        Assert.Contains($"`hf download {Id} --revision fp16`", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("a/../b")]
    [InlineData("/etc/nowhere")]
    [InlineData("a/b/c")]
    [InlineData("")]
    public void Paths_are_no_ids(string text) => Assert.Contains("no model id", Message(() => new HuggingFaceCache(Folder).Resolve(text)), StringComparison.Ordinal);

    [Theory]
    [InlineData("../../..")]
    [InlineData("/etc")]
    [InlineData("a\nb")]
    public void Revisions_do_not_leave_the_cache(string revision)
    {
        Snapshot("abc");
        Assert.Contains("no revision", Message(() => new HuggingFaceCache(Folder).Find(Id, revision)), StringComparison.Ordinal);
        Reference("main", revision);
        Snapshot("def");
        Assert.Contains("is not (looked for", Message(() => new HuggingFaceCache(Folder).Find(Id)), StringComparison.Ordinal);
    }

    [Fact]
    public void Existing_paths_stay_as_they_are() => Assert.Equal(Folder, new HuggingFaceCache("/nowhere").Resolve(Folder));

    [Fact]
    public void Environment_variables_have_their_order()
    {
        var variables = new Dictionary<string, string?> { ["XDG_CACHE_HOME"] = "/x" };
        Assert.Equal("/x/huggingface/hub", Root());
        variables["HF_HOME"] = "/h";
        Assert.Equal("/h/hub", Root());
        variables["HUGGINGFACE_HUB_CACHE"] = "/old";
        Assert.Equal("/old", Root());
        variables["HF_HUB_CACHE"] = "/new";
        Assert.Equal("/new", Root());
        Assert.EndsWith("/.cache/huggingface/hub", HuggingFaceCache.Default(_ => null).Root.Replace('\\', '/'), StringComparison.Ordinal);

        string Root() => HuggingFaceCache.Default(variables.GetValueOrDefault).Root.Replace('\\', '/');
    }

    string Snapshot(string hash) => Directory.CreateDirectory(PathOf($"models--runwayml--stable-diffusion-v1-5/snapshots/{hash}")).FullName;

    void Reference(string name, string hash) => File.WriteAllText(PathOf($"models--runwayml--stable-diffusion-v1-5/refs/{name}"), hash);
}
