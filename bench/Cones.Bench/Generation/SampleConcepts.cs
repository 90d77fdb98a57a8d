using System.Text.Json;

namespace Cones.Bench.Generation;

/// <summary>The sample concepts of the repository.</summary>
/// <param name="Name">The concept.</param>
/// <param name="Init">The words that a user would start from.</param>
/// <param name="Folder">The folder of its pictures.</param>
sealed record SampleConcept(string Name, string Init, string Folder)
{
    public static IReadOnlyList<SampleConcept> All()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var root = Path.Combine(folder.FullName, "samples", "generation");
            if (!File.Exists(Path.Combine(root, "concepts.json"))) continue;
            using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(root, "concepts.json")));
            return
            [
                .. document.RootElement.GetProperty("concepts").EnumerateArray().Select(c => new SampleConcept(
                    c.GetProperty("name").GetString()!,
                    c.GetProperty("init").GetString()!,
                    Path.Combine(root, c.GetProperty("name").GetString()!))),
            ];
        }

        throw new DirectoryNotFoundException("samples/generation is not above the program");
    }
}
