using Cones.Concepts;
using Cones.Data;
using Cones.Data.Masks;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>A mask that was found, with its class by name.</summary>
/// <param name="Class">The class's place in <see cref="MaskFinder.Names"/>.</param>
/// <param name="Name">The class's name.</param>
/// <param name="Score">The confidence, 0 to 1.</param>
/// <param name="Mask">The mask, of the image's size, not empty.</param>
public sealed record FoundMask(int Class, string Name, double Score, RleMask Mask);

/// <summary>Finds masks with concepts of one or several files, by names, or by boxes alone.</summary>
public sealed class MaskFinder : IDisposable
{
    readonly ISegmenter _segmenter;
    readonly List<(string Name, Tensor Tokens)> _classes = [];

    MaskFinder(ISegmenter segmenter) => _segmenter = segmenter;

    /// <summary>The classes, file after file.</summary>
    public IReadOnlyList<string> Names => [.. _classes.Select(c => c.Name)];

    /// <summary>A finder of the concepts of files.</summary>
    /// <param name="segmenter">The segmenter; not owned.</param>
    /// <param name="paths">The concept files.</param>
    /// <param name="model">The model's name, for messages.</param>
    /// <exception cref="ConesException">A file cannot be read, belongs to another model or task, or two have a class in common.</exception>
    public static MaskFinder OfConcepts(ISegmenter segmenter, IReadOnlyList<string> paths, string model)
    {
        var finder = new MaskFinder(segmenter);
        try
        {
            foreach (var path in paths) finder.Add(path, model);
            return finder;
        }
        catch
        {
            finder.Dispose();
            throw;
        }
    }

    /// <summary>A finder of written names (SAM 3), or of what boxes show (SAM).</summary>
    /// <param name="segmenter">The segmenter; not owned.</param>
    /// <param name="classes">The classes.</param>
    /// <exception cref="ConesException">The names cannot be used.</exception>
    public static MaskFinder OfNames(ISegmenter segmenter, IReadOnlyList<ClassPrompt> classes)
    {
        ClassPrompt.RequireDistinct(classes);
        var finder = new MaskFinder(segmenter);
        using var scope = NewDisposeScope();
        foreach (var (c, tokens) in classes.Zip(segmenter.EncodeNames(classes))) finder._classes.Add((c.Name, tokens.DetachFromDisposeScope()));
        return finder;
    }

    /// <summary>Refuses classes that have no tokens, where these alone are to ask.</summary>
    /// <exception cref="ConesException">A class has none.</exception>
    public void RequireTokens()
    {
        if (_classes.FirstOrDefault(c => c.Tokens.shape[0] == 0) is { Name: { } name })
            throw new ConesException($"the concept '{name}' has no tokens, so that without boxes nothing asks for it: give boxes (--detector, --boxes), or search a concept without (--no-boxes)");
    }

    /// <summary>Finds masks of an image, by descending score.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="size">The image's size.</param>
    /// <param name="boxes">The boxes that ask for masks (SAM); of classes without tokens the box alone asks. Null: the classes' tokens alone ask.</param>
    /// <param name="threshold">The least score.</param>
    public IReadOnlyList<FoundMask> Find(IReadOnlyList<Tensor> features, ImageSize size, IReadOnlyList<PromptBox>? boxes, double threshold)
    {
        using var noGrad = no_grad();
        var found = new List<FoundMask>();
        for (var c = 0; c < _classes.Count; c++)
        {
            using var scope = NewDisposeScope();
            var (name, tokens) = _classes[c];
            PromptBox?[] rows = boxes is null || !_segmenter.PromptsAreObjects ? [null] : [.. boxes.Where(b => b.Name == name && b.Box.ClipTo(size.Width, size.Height).HasExtent).Select(b => (PromptBox?)b)];
            if (rows.Length == 0) continue;
            var prompts = new Conditioning
            {
                Embeddings = tokens.unsqueeze(0).expand(rows.Length, -1, -1),
                Mask = ones([rows.Length, tokens.shape[0]], ScalarType.Int64, tokens.device),
            };
            // The model's own score times the box's: a mask is no surer than the box that asked for it.
            foreach (var item in _segmenter.Segment(features, size, prompts, [.. rows.Select(r => r?.Box.ClipTo(size.Width, size.Height))], threshold))
            {
                var score = item.Score * (rows[item.Prompt]?.Score ?? 1);
                if (score >= threshold) found.Add(new FoundMask(c, name, score, item.Mask));
            }
        }

        return [.. found.OrderByDescending(f => f.Score)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, tokens) in _classes) tokens.Dispose();
    }

    void Add(string path, string model)
    {
        using var file = ConceptFile.Load(path);
        var metadata = file.Metadata;
        StartConcepts.RequireFitting(file, _segmenter, path, model);
        if (metadata.Classes.Count == 0) throw Damaged("it names no classes");
        foreach (var name in metadata.Classes.Select(c => c.Name))
        {
            if (_classes.Any(c => c.Name == name)) throw new ConesException($"{path} has the class '{name}' as another file has: leave one of them out (--concept)");
            var tokens = file.Concepts.FirstOrDefault(c => c.Name == name)?.Embeddings ?? throw Damaged($"the tokens of '{name}' are missing");
            using var scope = NewDisposeScope();
            _classes.Add((name, tokens.to(_segmenter.Device).clone().DetachFromDisposeScope()));
        }

        ConesException Damaged(string why) => new($"{path} is damaged: {why}");
    }
}
