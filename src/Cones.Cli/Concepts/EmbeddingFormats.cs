using Cones.Concepts;
using Cones.Concepts.Formats;
using Cones.Models;

namespace Cones.Cli.Concepts;

/// <summary>The names of <see cref="EmbeddingFormat"/> on the command line.</summary>
static class EmbeddingFormats
{
    /// <summary>The name of our own format.</summary>
    public const string Own = "cones";

    static readonly (EmbeddingFormat Format, string Name)[] s_names =
    [
        (EmbeddingFormat.Diffusers, "diffusers"),
        (EmbeddingFormat.A1111, "a1111"),
        (EmbeddingFormat.Kohya, "kohya"),
        (EmbeddingFormat.OneTrainer, "onetrainer"),
        (EmbeddingFormat.PromptEmbeds, "prompt-embeds"),
    ];

    /// <summary>Every name, our own format's too.</summary>
    public static string[] Names { get; } = [Own, .. s_names.Select(n => n.Name)];

    public static string NameOf(EmbeddingFormat format) => s_names.First(n => n.Format == format).Name;

    /// <summary>The format to write: the one asked for, else the usual one of the extension; null for our own.</summary>
    /// <param name="name">What was asked for, or null.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="source">What is to be written.</param>
    /// <exception cref="ConesException">Nothing is usual for the extension.</exception>
    public static EmbeddingFormat? ToWrite(string? name, string path, EmbeddingFile? source)
    {
        if (name == Own && !path.EndsWith(ConceptFile.Extension, StringComparison.OrdinalIgnoreCase))
            throw new ConesException($"{path} is no name of a concept file: let it end with {ConceptFile.Extension}");
        if (name is not null) return name == Own ? null : s_names.First(n => n.Name == name).Format;
        if (path.EndsWith(ConceptFile.Extension, StringComparison.OrdinalIgnoreCase)) return null;
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".pt" => EmbeddingFormat.A1111,
            ".bin" => EmbeddingFormat.Diffusers,
            ".safetensors" when source?.Prompt is not null => EmbeddingFormat.PromptEmbeds,
            ".safetensors" when source?.OutputEmbeddings.Count > 0 => EmbeddingFormat.OneTrainer,
            ".safetensors" when source?.HasTwoEncoders == true => EmbeddingFormat.Kohya,
            ".safetensors" => EmbeddingFormat.Diffusers,
            _ => throw new ConesException($"{path} has no extension that tells the format: use .safetensors, .pt, .bin or {ConceptFile.Extension}, or name the format with --to"),
        };
    }
}
