using System.Text.Json;

namespace Cones.Pretraining.Samples;

/// <summary>What is drawn: <c>samples.json</c>.</summary>
/// <param name="Size">Side of the pictures in pixels.</param>
/// <param name="Styles">The styles of drawing.</param>
/// <param name="Backgrounds">R, G, B of each background colour.</param>
/// <param name="Concepts">The concepts.</param>
/// <param name="Training">The pictures to learn from, the same for each concept.</param>
/// <param name="Evaluation">The pictures to judge by.</param>
sealed record SampleRecipe(
    int Size,
    IReadOnlyDictionary<string, Package> Styles,
    IReadOnlyDictionary<string, IReadOnlyList<byte>> Backgrounds,
    IReadOnlyList<Concept> Concepts,
    IReadOnlyList<Picture> Training,
    IReadOnlyList<Picture> Evaluation)
{
    static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web) { RespectRequiredConstructorParameters = true };

    internal static SampleRecipe Read(string path) => JsonSerializer.Deserialize<SampleRecipe>(File.ReadAllBytes(path), s_options)!;
}

/// <summary>An npm package of drawings, and the word that captions use for its style.</summary>
sealed record Package(string Name, string Version, string Word);

/// <summary>A concept: its name, known words to begin a search with, and its icon in each style that draws it.</summary>
sealed record Concept(string Name, string Init, IReadOnlyDictionary<string, string> Icons);

/// <summary>A picture: its style (or the first of several that draws the concept), background, size and place as parts of the side.</summary>
sealed record Picture(IReadOnlyList<string> Style, string Background, double Scale, double X, double Y);
