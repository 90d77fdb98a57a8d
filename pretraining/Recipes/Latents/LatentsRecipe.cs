using Cones.Models.StableDiffusion.Vae;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Latents;

/// <summary>The pictures that the UNet learns from, as the autoencoder's latents: made once, since they do not change.</summary>
/// <remarks>
/// Data: four styles of all concepts, held-out ones for the evaluation only; each drawing several times, at different sizes,
/// places and named backgrounds. Time: about 3 minutes of one core. Command:
/// <c>dotnet run -c Release --project pretraining -- latents</c>
/// </remarks>
sealed class LatentsRecipe : IRecipe
{
    const int Batch = 32;

    /// <summary>The styles.</summary>
    public IReadOnlyList<string> Styles { get; init; } = ["twemoji", "noto", "fluent-3d", "fluent-emoji-flat"];

    /// <summary>Pictures of a drawing.</summary>
    public int Variants { get; init; } = 6;

    /// <summary>The side of the pictures in pixels.</summary>
    public int Side { get; init; } = 64;

    /// <inheritdoc/>
    public string Name => "latents";

    /// <inheritdoc/>
    public string Description => "Pictures as latents, for the UNet.";

    /// <inheritdoc/>
    public bool Run(RunOptions options, CancellationToken stop)
    {
        if (File.Exists(Path.Combine(options.Folder(Name), LatentPack.FileName))) return true;
        set_num_threads(options.Threads ?? ComputeThreads.Free());
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var vae = AutoencoderKL.FromFolder(options.Model("vae"));
        var pictures = new IconPictures(IconPack.Open(options.Data), Side);
        var entries = new List<LatentEntry>();
        var latents = new List<Tensor>();
        foreach (var icons in pictures.Pack.Select((_, style) => Styles.Contains(style)).Chunk(Math.Max(1, Batch / Variants)))
        {
            if (stop.IsCancellationRequested) return false;
            using var inner = NewDisposeScope();
            var canvases = new List<Canvas>();
            foreach (var icon in icons)
            {
                var random = CounterRandom.At(options.Seed, "latents", icon);
                for (var variant = 0; variant < Variants; variant++)
                {
                    var (canvas, background) = pictures.Random(icon, PictureRange.Generation, ref random);
                    canvases.Add(canvas);
                    entries.Add(new LatentEntry(icon, background!));
                }
            }

            var posterior = vae.Encode(Canvas.ToTensor(canvases));
            using var generator = new Generator(SeedSequence.Derive(options.Seed, "posterior", icons[0]));
            var sample = posterior.Sample(randn(posterior.Mean.shape, generator: generator));
            latents.Add(vae.Scale(sample).to(ScalarType.Float16).MoveToOuterDisposeScope());
        }

        new LatentPack(entries, cat(latents, 0)).Save(options.Folder(Name));
        options.Log.WriteLine($"{Name}: {entries.Count} pictures");
        return true;
    }
}
