using Cones.Cli.Generate;
using Cones.Cli.Search;
using Cones.Concepts;
using Cones.Evaluation;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.Weights;
using Cones.Tasks.Generation;

namespace Cones.Cli.Evaluate;

/// <summary>Draws the prompts of an evaluation.</summary>
/// <param name="folder">The model's folder.</param>
/// <param name="concept">The concept, or null: then the class words themselves are drawn.</param>
/// <param name="words">The class words, or null for those that the concept stands in for.</param>
/// <param name="prompts">'object', 'style', a file, or null for the model's own templates.</param>
/// <param name="denoiser">The folder of a denoiser that was trained further; null for the model's own.</param>
sealed class DrawnPictures(string folder, ConceptFile? concept, string? words, string? prompts, string? denoiser = null)
{
    readonly string _name = concept?.Concepts[0].Name ?? words ?? throw new ConesException("there is nothing to draw: name a concept (--concept), words (--class), or a folder of pictures (--generated)");
    readonly string _words = words ?? concept!.Metadata.BaseText;

    /// <summary>The prompts as they are drawn, and the texts that the pictures are compared with.</summary>
    /// <exception cref="ConesException">A prompt names no concept.</exception>
    public IReadOnlyList<(string Prompt, string Text)> Prompts()
    {
        var lines = prompts is null or "object" or "style"
            ? GenerationOptionSet.Templates(prompts) ?? PromptTemplates.OfModel(folder) ?? PromptTemplates.Object
            : PromptTemplates.Lines(prompts);
        if (lines.Count == 0) throw new ConesException($"{prompts} holds no prompts: write one a line, with {{}} or {_name} for the concept");
        if (lines.FirstOrDefault(l => !l.Contains("{}", StringComparison.Ordinal) && !l.Contains(_name, StringComparison.Ordinal)) is { } without)
            throw new ConesException($"{prompts}: the prompt '{without}' has neither {{}} nor {_name}: write one where it names the concept");
        return [.. lines.Select(l => PromptTemplates.Fill(l, _name)).Select(p => (p, p.Replace(_name, _words, StringComparison.Ordinal)))];
    }

    /// <summary>Draws every prompt some times, with the same seeds.</summary>
    /// <param name="loading">Type and device.</param>
    /// <param name="count">Pictures of each prompt.</param>
    /// <param name="seed">Seed of the first.</param>
    /// <param name="optionsFor">How they are drawn.</param>
    /// <param name="negative">What to keep away from, or null.</param>
    /// <param name="onProgress">Told, in a line each, what is drawn and what the user should know.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public IReadOnlyList<DrawnPrompt> Draw(
        LoadOptions loading,
        int count,
        ulong seed,
        Func<DiffusionPipeline, GenerationOptions> optionsFor,
        string? negative,
        Action<string> onProgress,
        CancellationToken cancellation)
    {
        var all = Prompts();
        using var pictures = ConceptPictures.FromFolder(folder, concept is null ? [] : [concept], loading, denoiser);
        var options = optionsFor(pictures.Pipeline);
        var drawn = new List<DrawnPrompt>();
        foreach (var (prompt, text) in all)
        {
            onProgress($"drawing {drawn.Count + 1} of {all.Count}: {prompt}");
            drawn.Add(new DrawnPrompt(prompt, text, pictures.Draw(prompt, negative, count, seed, options, w => onProgress($"warning: {w}"), cancellation)));
        }

        return drawn;
    }

    /// <summary>Writes what was drawn: <c>prompt-seed.png</c>, each with its prompt.</summary>
    public static void Save(IReadOnlyList<DrawnPrompt> drawn, string target, ulong seed)
    {
        Directory.CreateDirectory(target);
        foreach (var (group, number) in drawn.Select((d, i) => (d, i)))
        {
            foreach (var (image, i) in group.Images.Select((image, i) => (image, i)))
            {
                var settings = new Dictionary<string, string> { ["prompt"] = group.Prompt, ["seed"] = $"{seed + (ulong)i}", ["software"] = "cones" };
                image.Save(Path.Combine(target, $"{number:000}-{seed + (ulong)i}.png"), new ImageSaveOptions { Text = settings });
            }
        }
    }
}
