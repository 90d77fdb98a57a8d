using Cones.Concepts;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>Draws written prompts, in which the names of concepts may stand, with a model's folder.</summary>
public sealed class ConceptPictures : IDisposable
{
    // Pictures drawn at once; a picture does not depend on it.
    const int BatchSize = 4;

    readonly GenerationModel _model;
    readonly TextSide _text;
    readonly ConceptComposer _composer;
    readonly ConceptComposer _plain;

    ConceptPictures(GenerationModel model, TextSide text, IReadOnlyList<ConceptFile> concepts)
    {
        (_model, _text) = (model, text);
        _composer = new ConceptComposer(text, concepts, model.CrossAttentionLayers);
        _plain = new ConceptComposer(text, [], 0);
        Pipeline = DiffusionPipeline.FromParts(model.Folder, model.UNet, model.LoadVae());
    }

    /// <summary>The pipeline that draws, for its sizes and scheduler.</summary>
    public DiffusionPipeline Pipeline { get; }

    /// <summary>Loads a model for some concepts.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="concepts">The concepts; not owned. Their models were checked (<see cref="LoadConcepts"/>).</param>
    /// <param name="options">Type and device.</param>
    /// <param name="denoiser">The folder of a denoiser that was trained further; null for the model's own.</param>
    /// <exception cref="ConesException">The model cannot be loaded, or the concepts do not go together.</exception>
    public static ConceptPictures FromFolder(string folder, IReadOnlyList<ConceptFile> concepts, LoadOptions? options = null, string? denoiser = null)
    {
        var model = GenerationModel.FromFolder(folder, options, denoiser);
        TextSide? text = null;
        try
        {
            text = model.LoadText();
            return new ConceptPictures(model, text, concepts);
        }
        catch
        {
            text?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>Loads concept files for a model; the caller disposes them.</summary>
    /// <exception cref="ConesException">A file cannot be read, or is for another model.</exception>
    public static IReadOnlyList<ConceptFile> LoadConcepts(IReadOnlyList<string> paths, string folder)
    {
        var fingerprint = paths.Count > 0 ? GenerationModel.FingerprintOf(folder) : "";
        var files = new List<ConceptFile>();
        foreach (var path in paths)
        {
            var file = ConceptFile.Load(path);
            files.Add(file);
            file.RequireModel(path, fingerprint, folder);
        }

        return files;
    }

    /// <summary>Draws a prompt several times.</summary>
    /// <param name="prompt">The prompt, with the names of concepts.</param>
    /// <param name="negative">What to keep away from, or null.</param>
    /// <param name="count">The pictures.</param>
    /// <param name="seed">The seed of the first; the next ones count up.</param>
    /// <param name="options">How they are drawn; images and seeds are set here.</param>
    /// <param name="onWarning">Told, before anything is drawn, what the user should know, in a sentence each.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="ConesException">An option does not suit the model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<RgbImage> Draw(
        string prompt, string? negative, int count, ulong seed, GenerationOptions options, Action<string> onWarning, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var warnings = new List<string>();
        using var conditioning = _composer.Encode(prompt, warnings);
        using var against = negative is null ? _text.EncodeNegative(null, conditioning) : _plain.Encode(negative, warnings);
        warnings.ForEach(onWarning);
        var images = new List<RgbImage>();
        for (var first = 0; first < count; first += BatchSize)
        {
            var part = Math.Min(BatchSize, count - first);
            ulong[] seeds = [.. Enumerable.Range(first, part).Select(i => seed + (ulong)i)];
            try
            {
                using var result = Pipeline.Generate(conditioning, against, options with { ImagesPerPrompt = part, Seeds = seeds }, cancellation);
                images.AddRange(result.ToRgbImages());
            }
            catch (ArgumentException e)
            {
                // Without the name of the argument, which is not the user's.
                throw new ConesException(e.Message.Replace($" (Parameter '{e.ParamName}')", "", StringComparison.Ordinal), e);
            }
        }

        return images;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Pipeline.Dispose();
        _text.Dispose();
        _model.Dispose();
    }
}
