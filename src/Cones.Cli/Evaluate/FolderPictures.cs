using Cones.Evaluation;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Tasks.Generation;

namespace Cones.Cli.Evaluate;

/// <summary>Pictures of a folder that somebody else drew, with their prompts where there are any.</summary>
static class FolderPictures
{
    /// <summary>Reads the pictures, grouped by prompt.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prompts">A file with a prompt a picture, in the order of their names, or with one for all; null: captions beside the pictures, else none.</param>
    /// <param name="words">What stands for <c>{}</c> in prompts, or null.</param>
    /// <exception cref="ConesException">A picture cannot be read, or prompts and pictures do not go together.</exception>
    public static IReadOnlyList<DrawnPrompt> Read(string folder, string? prompts, string? words)
    {
        var files = TrainingViews.ListImages(folder);
        string?[] texts = prompts is null ? [.. files.Select(Caption)] : FromFile(prompts, files.Count);
        if (texts.Any(t => t is null) && files.Zip(texts).FirstOrDefault(p => p.Second is null).First is { } without && texts.Any(t => t is not null))
            throw new ConesException($"{without} has no caption, other pictures of {folder} do: add {Path.GetFileNameWithoutExtension(without)}.txt, or name a file of prompts (--prompts)");
        return
        [
            .. files.Zip(texts).GroupBy(p => p.Second is null ? null : Filled(p.Second, words))
                .Select(g => new DrawnPrompt(g.Key ?? "", g.Key, [.. g.Select(p => RgbImage.Load(p.First))])),
        ];
    }

    static string? Caption(string image)
    {
        var path = Path.ChangeExtension(image, ".txt");
        return File.Exists(path) && PromptTemplates.Lines(path) is [var first, ..] ? first : null;
    }

    static string?[] FromFile(string path, int count)
    {
        var lines = PromptTemplates.Lines(path);
        if (lines.Count == count) return [.. lines];
        return lines.Count == 1
            ? [.. Enumerable.Repeat(lines[0], count)]
            : throw new ConesException($"{path} has {lines.Count} prompts for {count} pictures: write one for each, in the order of their names, or one for all (--prompts)");
    }

    static string Filled(string prompt, string? words) => !prompt.Contains("{}", StringComparison.Ordinal) ? prompt
        : words is null ? throw new ConesException($"the prompt '{prompt}' has {{}}: say what stands there (--class)")
        : PromptTemplates.Fill(prompt, words);
}
