using Cones.Models;
using Cones.Tasks.Segmentation;
using Cones.Tests.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Segmentation;

/// <summary>Features on the disk and in memory.</summary>
public sealed class ImageEmbeddingCacheTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_read_equals_what_was_made_and_is_made_once()
    {
        using var scope = NewDisposeScope();
        foreach (var memory in (long[])[0, 1 << 20])
        {
            using var cache = new ImageEmbeddingCache(new CacheOptions { Folder = _folder[$"{memory}"], MemoryBytes = memory }, CPU);
            var first = cache.Get("a", () => Features(1));
            for (var i = 0; i < 2; i++)
            {
                var again = cache.Get("a", () => throw new InvalidOperationException("made twice"));
                Assert.Equal(2, again.Count);
                for (var k = 0; k < 2; k++) Assert.True(first[k].equal(again[k]).all().item<bool>() && first[k].stride().AsSpan().SequenceEqual(again[k].stride()));
            }

            using var later = new ImageEmbeddingCache(new CacheOptions { Folder = _folder[$"{memory}"] }, CPU);
            Assert.True(Features(1)[0].equal(later.Get("a", () => throw new InvalidOperationException("made twice"))[0]).all().item<bool>());
            Assert.Equal((1, 0), (cache.Encoded, later.Encoded));
        }
    }

    [Fact]
    public void Damaged_features_are_made_again()
    {
        using var scope = NewDisposeScope();
        using var cache = new ImageEmbeddingCache(new CacheOptions { Folder = _folder.Path, MemoryBytes = 0 }, CPU);
        cache.Get("a", () => Features(1));
        var file = Assert.Single(Directory.GetFiles(_folder.Path));
        using (var stream = File.OpenWrite(file)) stream.SetLength(stream.Length / 2);
        Assert.True(Features(1)[0].equal(cache.Get("a", () => Features(1))[0]).all().item<bool>());
        File.WriteAllText(file, "nothing");
        cache.Get("a", () => Features(1));
        Assert.Equal(3, cache.Encoded);
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_single_wrong_bit_is_noticed()
    {
        using var scope = NewDisposeScope();
        using var cache = new ImageEmbeddingCache(new CacheOptions { Folder = _folder.Path, MemoryBytes = 0 }, CPU);
        cache.Get("a", () => Features(1));
        var file = Assert.Single(Directory.GetFiles(_folder.Path));
        var bytes = File.ReadAllBytes(file);
        bytes[^20] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.True(Features(1)[0].equal(cache.Get("a", () => Features(1))[0]).all().item<bool>());
        Assert.Equal(2, cache.Encoded);
    }

    [Fact]
    public void A_folder_that_takes_no_files_costs_a_warning_and_no_result()
    {
        using var scope = NewDisposeScope();
        var warnings = new List<string>();
        using var cache = new ImageEmbeddingCache(new CacheOptions { Folder = _folder["gone"], MemoryBytes = 200 }, CPU, warnings.Add);
        Directory.Delete(_folder["gone"]);
        for (var i = 0; i < 2; i++)
            foreach (var seed in (ulong[])[1, 2])
                Assert.True(Features(seed)[0].equal(cache.Get($"{seed}", () => Features(seed))[0]).all().item<bool>());
        Assert.Contains("--feature-cache", Assert.Single(warnings));
        Assert.Equal(4, cache.Encoded); // 288 bytes each: none has room in memory
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_refused_or_replaced()
    {
        using var scope = NewDisposeScope();
        File.WriteAllText(_folder["file"], "");
        var options = new CacheOptions { Folder = _folder["file/features"] };
        Assert.Contains("--feature-cache", Assert.Throws<ConesException>(() => new ImageEmbeddingCache(options, CPU)).Message);
        var warnings = new List<string>();
        using var cache = new ImageEmbeddingCache(options with { IsOptional = true }, CPU, warnings.Add);
        Assert.False(cache.Has("a"));
        cache.Get("a", () => Features(1));
        Assert.True(cache.Has("a"));
        Assert.Single(warnings);
    }

    [Fact]
    public void What_was_not_used_for_longest_goes_first_and_what_is_in_use_stays()
    {
        using var scope = NewDisposeScope();
        using (var earlier = new ImageEmbeddingCache(new CacheOptions { Folder = _folder.Path }, CPU))
        {
            foreach (var key in (string[])["old", "older"]) earlier.Get(key, () => Features(1));
        }

        File.SetLastWriteTimeUtc(_folder["older.features.safetensors"], DateTime.UtcNow.AddDays(-2));
        File.SetLastWriteTimeUtc(_folder["old.features.safetensors"], DateTime.UtcNow.AddDays(-1));
        var size = new FileInfo(_folder["old.features.safetensors"]).Length;
        using var cache = new ImageEmbeddingCache(new CacheOptions { Folder = _folder.Path, DiskBytes = (5 * size) / 2 }, CPU);
        cache.Get("new", () => Features(1));
        Assert.Equal(["new", "old"], Keys());
        cache.Get("newer", () => Features(1));
        Assert.Equal(["new", "newer"], Keys());
        cache.Get("newest", () => Features(1)); // more than fits, but all in use
        Assert.Equal(["new", "newer", "newest"], Keys());
    }

    [Fact]
    public void A_temporary_folder_vanishes()
    {
        using var scope = NewDisposeScope();
        string[] Folders() => [.. Directory.GetDirectories(Path.GetTempPath(), "cones-features-*").Order()];
        var before = Folders();
        string made;
        using (var cache = new ImageEmbeddingCache(new CacheOptions(), CPU))
        {
            cache.Get("a", () => Features(1));
            made = Folders().Except(before).First(f => File.Exists(Path.Combine(f, "a.features.safetensors")));
        }

        Assert.False(Directory.Exists(made));
    }

    string[] Keys() => [.. Directory.GetFiles(_folder.Path).Select(f => Path.GetFileName(f).Split('.')[0]).Order()];

    static Tensor[] Features(ulong seed)
    {
        using var generator = new Generator(seed);
        return [randn([1, 3, 4, 5], generator: generator), randn([1, 3, 2, 2], generator: generator)];
    }
}
