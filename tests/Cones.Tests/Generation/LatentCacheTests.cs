using Cones.Models;
using Cones.Models.StableDiffusion.Vae;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Generation;

public sealed class LatentCacheTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly AutoencoderKL _vae = AutoencoderKL.FromFolder(Path.Combine(EmbeddedModels.Find(EmbeddedModels.StableDiffusion), "vae"));
    readonly string _folder = Directory.CreateTempSubdirectory("cones-latents-").FullName;

    [Fact]
    public void A_file_gives_what_memory_gives()
    {
        using var memory = LatentCache.Create(_vae, Views(masks: true), 3, long.MaxValue, _folder);
        Assert.Null(memory.File);
        Assert.Empty(Directory.GetFiles(_folder));
        var file = LatentCache.Create(_vae, Views(masks: true), 3, 0, _folder);
        Assert.Equal(file.File, Assert.Single(Directory.GetFiles(_folder)));

        var rows = tensor([2L, 0, 2]);
        var noise = randn([3, .. memory.Shape], generator: new Generator(1));
        Assert.Equal((3, 3), (memory.Count, file.Count));
        Assert.True(memory.Sample(rows, noise).equal(file.Sample(rows, noise)).all().item<bool>());
        Assert.True(memory.Weights(rows)!.equal(file.Weights(rows)!).all().item<bool>());
        file.Dispose();
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void The_bound_counts_all_views()
    {
        // Three views of 2 x 4 x 16 x 16 numbers of 4 bytes.
        const long bytes = 3 * 2 * 4 * 16 * 16 * 4;
        using var fits = LatentCache.Create(_vae, Views(masks: false), 3, bytes, _folder);
        using var spills = LatentCache.Create(_vae, Views(masks: false), 3, bytes - 1, _folder);
        Assert.Equal((true, false), (fits.File is null, spills.File is null));
        Assert.Null(fits.Weights(tensor([0L])));
    }

    [Fact]
    public void Weights_have_a_mean_of_one_and_an_empty_mask_is_named()
    {
        using var cache = LatentCache.Create(_vae, Views(masks: true), 3, long.MaxValue, null);
        Assert.Equal(1, cache.Weights(tensor([1L]))!.mean().item<float>(), 1e-5);
        var empty = new TrainingView("some/dog.png", zeros(1, 3, 64, 64), zeros(64, 64), null);
        var error = Assert.Throws<ConesException>(() => LatentCache.Create(_vae, [empty], 1, long.MaxValue, null));
        Assert.Contains("some/dog.png", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        var error = Assert.Throws<ConesException>(() => LatentCache.Create(_vae, Views(masks: false), 3, 0, Path.Combine(_folder, "none")));
        Assert.Contains("--latent-memory", error.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _vae.Dispose();
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    static IEnumerable<TrainingView> Views(bool masks)
    {
        for (var i = 0; i < 3; i++)
        {
            var mask = zeros(64, 64);
            mask.narrow(0, 0, 20 + i).fill_(1);
            yield return new TrainingView($"{i}.png", rand([1, 3, 64, 64], generator: new Generator((ulong)i)) * 2 - 1, masks ? mask : null, null);
        }
    }
}
