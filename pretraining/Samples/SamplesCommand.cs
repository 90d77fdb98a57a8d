using System.Text.Encodings.Web;
using System.Text.Json;
using Cones.Models.Imaging;

namespace Cones.Pretraining.Samples;

/// <summary>Draws the pictures of <c>samples/generation</c>; <c>draw.sh</c> runs it.</summary>
static class SamplesCommand
{
    static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The npm packages that the recipe needs, one a line.</summary>
    public static void ListPackages(string recipe, TextWriter output)
    {
        foreach (var package in SampleRecipe.Read(recipe).Styles.Values) output.WriteLine($"{package.Name}@{package.Version}");
    }

    /// <summary>Draws every picture and writes concepts.json; with <paramref name="sheetFile"/> a contact sheet too.</summary>
    public static void Draw(string recipeFile, string modules, string output, string? sheetFile)
    {
        var recipe = SampleRecipe.Read(recipeFile);
        var sources = recipe.Styles.ToDictionary(s => s.Key, s => new IconSource(Path.Combine(modules, s.Value.Name)));
        var sheet = new List<RgbImage>();
        var concepts = new List<object>();
        foreach (var concept in recipe.Concepts)
        {
            var training = Draw(recipe, sources, concept, recipe.Training, Path.Combine(output, concept.Name), concept.Name, sheet);
            var evaluation = Draw(recipe, sources, concept, recipe.Evaluation, Path.Combine(output, concept.Name, "eval"), $"{concept.Name}/eval", sheet);
            concepts.Add(new { name = concept.Name, init = concept.Init, files = training, eval = evaluation });
        }

        File.WriteAllText(Path.Combine(output, "concepts.json"), JsonSerializer.Serialize(new { concepts }, s_json) + "\n");
        if (sheetFile is not null) RgbImage.Grid(sheet, recipe.Training.Count + recipe.Evaluation.Count, 4).Save(sheetFile);
    }

    static List<object> Draw(
        SampleRecipe recipe, Dictionary<string, IconSource> sources, Concept concept, IReadOnlyList<Picture> pictures, string folder, string name, List<RgbImage> sheet)
    {
        Directory.CreateDirectory(folder);
        var files = new List<object>();
        foreach (var picture in pictures)
        {
            var style = picture.Style.First(concept.Icons.ContainsKey);
            var color = recipe.Backgrounds[picture.Background];
            var background = new Rgb(color[0], color[1], color[2]);
            var side = (int)Math.Round(recipe.Size * picture.Scale);
            var image = RgbImage.Filled(recipe.Size, recipe.Size, background);
            image.Paste(sources[style].Render(concept.Icons[style], side, background), Place(picture.X), Place(picture.Y));
            var file = $"{files.Count + 1:00}-{style}.png";
            image.Save(Path.Combine(folder, file));
            sheet.Add(image);
            files.Add(new { file = $"{name}/{file}", caption = $"a {recipe.Styles[style].Word} style emoji of a {{}} on a {picture.Background} background" });

            // 0 is the middle, 0.1 a tenth of the side to the right or below.
            int Place(double offset) => (int)Math.Round(((recipe.Size - side) / 2.0) + (offset * recipe.Size));
        }

        return files;
    }
}
