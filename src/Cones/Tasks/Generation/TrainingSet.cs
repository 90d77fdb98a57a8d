using Cones.Models;
using TorchSharp;

namespace Cones.Tasks.Generation;

/// <summary>What a search learns from, made once: latents of the pictures, templates, and the order they are drawn in.</summary>
public sealed class TrainingSet : IDisposable
{
    TrainingSet(LatentCache latents, IReadOnlyList<string> templates, BatchSampler sampler, string digest) =>
        (Latents, Templates, Sampler, Digest) = (latents, templates, sampler, digest);

    /// <summary>The pictures.</summary>
    public LatentCache Latents { get; }

    /// <summary>Every template that a picture may be drawn with, captions included.</summary>
    public IReadOnlyList<string> Templates { get; }

    /// <summary>Draws batches.</summary>
    public BatchSampler Sampler { get; }

    /// <summary>SHA-256 of pictures, masks and captions.</summary>
    public string Digest { get; }

    /// <summary>Reads and encodes the pictures.</summary>
    /// <param name="options">Pictures, masks, templates and how they are drawn.</param>
    /// <param name="model">The model.</param>
    /// <param name="folder">Where latents go that memory shall not hold; null for the folder of temporary files.</param>
    /// <exception cref="ConesException">A picture, mask or caption cannot be used; the message names it.</exception>
    public static TrainingSet Create(GenerationSearchOptions options, GenerationModel model, string? folder)
    {
        using var scope = torch.NewDisposeScope();
        var side = options.Resolution > 0 ? options.Resolution : model.Resolution;
        using var vae = model.LoadVae();
        var captions = new List<string?>();
        var digest = "";
        var views = TrainingViews.Read(options, side, d => digest = d).Select(view =>
        {
            captions.Add(view.Caption);
            return view;
        });
        var latents = LatentCache.Create(vae, views, TrainingViews.CountOf(options), options.LatentMemoryBytes, folder);

        var general = GeneralTemplates(options);
        string[] templates = [.. general.Concat(captions.OfType<string>()).Distinct()];
        // A picture with a caption of its own keeps to it; the others draw from all general templates.
        int[] generalRows = [.. Enumerable.Range(0, general.Count)];
        IReadOnlyList<int>[] rows = [.. captions.Select(c => c is null ? generalRows : [Array.IndexOf(templates, c)])];
        var sampler = new BatchSampler(
            latents, rows, model.Schedule.Count, options.BatchSize, options.Search.Accumulate, options.Timesteps, options.Search.Seed);
        return new TrainingSet(latents, templates, sampler, digest);
    }

    /// <summary>The templates of pictures without a caption.</summary>
    internal static IReadOnlyList<string> GeneralTemplates(GenerationSearchOptions options) =>
        [.. (options.Templates ?? PromptTemplates.OfModel(options.Model) ?? PromptTemplates.Object).Distinct()];

    /// <inheritdoc/>
    public void Dispose() => Latents.Dispose();
}
