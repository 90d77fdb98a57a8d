using Cones.Models;

namespace Cones.Tasks.Generation;

/// <summary>
/// Written prompts with <c>{}</c> for the placeholder. A search draws one a picture, so that the concept does not absorb
/// what only one wording says.
/// </summary>
public static class PromptTemplates
{
    /// <summary>The file of a model folder that names the templates for models which know other captions than photographs'.</summary>
    public const string FileName = "templates.txt";

    /// <summary>For things: a person, an animal, an object.</summary>
    public static IReadOnlyList<string> Object { get; } =
    [
        "a photo of {}", "a photo of the {}", "a photo of one {}", "one photo of {}", "a picture of {}", "an image of the {}",
        "a close-up photo of {}", "a photo of {} seen from near", "a bright photo of {}", "a dark photo of the {}",
        "a cropped photo of {}", "a photo of a clean {}", "a photo of a small {}", "a photo of a large {}", "a sharp photo of {}",
        "a soft photo of the {}", "a photo of a nice {}", "{} in a photo", "a snapshot of {}", "a rendering of {}",
    ];

    /// <summary>For styles.</summary>
    public static IReadOnlyList<string> Style { get; } =
    [
        "a painting in the style of {}", "a picture in the style of {}", "an artwork in the style of {}", "a drawing in the style of {}",
        "a bright painting in the style of {}", "a dark painting in the style of {}", "a detail of a painting in the style of {}",
        "a small painting in the style of {}", "a large painting in the style of {}", "a rendering in the style of {}",
    ];

    /// <summary>The templates of a model folder, or null where it has none.</summary>
    public static IReadOnlyList<string>? OfModel(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return File.Exists(path) ? FromFile(path) : null;
    }

    /// <summary>The file of a model folder with candidate words for a start, one a line.</summary>
    public const string WordsFileName = "words.txt";

    /// <summary>The candidate words of a model folder, or null where it has none.</summary>
    public static IReadOnlyList<string>? WordsOfModel(string folder)
    {
        var path = Path.Combine(folder, WordsFileName);
        return File.Exists(path) ? Lines(path) : null;
    }

    /// <summary>Reads one template a line; blank lines and lines that start with # are passed over.</summary>
    /// <exception cref="ConesException">The file cannot be read, is empty, or a template lacks the placeholder.</exception>
    public static IReadOnlyList<string> FromFile(string path)
    {
        var templates = Lines(path);
        if (templates.Count == 0) throw new ConesException($"{path} holds no templates: write one prompt a line, with {{}} for the concept");
        foreach (var template in templates)
            if (!template.Contains("{}", StringComparison.Ordinal))
                throw new ConesException($"{path}: the template '{template}' has no {{}}: write {{}} where it names the concept");
        return templates;
    }

    /// <summary>Puts a name into a template.</summary>
    public static string Fill(string template, string name) => template.Replace("{}", name, StringComparison.Ordinal);

    /// <summary>The lines of a file, without blank ones and those that start with #.</summary>
    /// <exception cref="ConesException">The file cannot be read.</exception>
    public static IReadOnlyList<string> Lines(string path)
    {
        try
        {
            return [.. File.ReadAllLines(path).Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#')];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConesException($"{path} does not exist: name a file with one prompt a line and {{}} for the concept", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
