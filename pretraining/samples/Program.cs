using System.Text.Encodings.Web;
using System.Text.Json;
using Cones.Models.Imaging;
using Cones.Samples;

// packages RECIPE: the npm packages that the recipe needs, one a line.
// draw RECIPE NODE_MODULES OUTPUT [SHEET]: draws every picture and writes concepts.json.
if (args is ["packages", var recipeOnly])
{
    foreach (var package in Recipe.Read(recipeOnly).Styles.Values) Console.WriteLine($"{package.Name}@{package.Version}");
    return 0;
}

if (args is not ["draw", var recipeFile, var modules, var output, .. var rest])
{
    Console.Error.WriteLine("usage: packages RECIPE | draw RECIPE NODE_MODULES OUTPUT [SHEET]");
    return 2;
}

var recipe = Recipe.Read(recipeFile);
var sources = recipe.Styles.ToDictionary(s => s.Key, s => new IconSource(Path.Combine(modules, s.Value.Name)));
var sheet = new List<RgbImage>();
var concepts = new List<object>();
foreach (var concept in recipe.Concepts)
{
    var training = Draw(concept, recipe.Training, concept.Name);
    var evaluation = Draw(concept, recipe.Evaluation, $"{concept.Name}/eval");
    concepts.Add(new { name = concept.Name, init = concept.Init, files = training, eval = evaluation });
}

var json = new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
File.WriteAllText(Path.Combine(output, "concepts.json"), JsonSerializer.Serialize(new { concepts }, json) + "\n");
if (rest is [var sheetFile]) RgbImage.Grid(sheet, recipe.Training.Count + recipe.Evaluation.Count, 4).Save(sheetFile);
return 0;

List<object> Draw(Concept concept, IReadOnlyList<Picture> pictures, string folder)
{
    Directory.CreateDirectory(Path.Combine(output, folder));
    var files = new List<object>();
    foreach (var picture in pictures)
    {
        var style = picture.Style.First(concept.Icons.ContainsKey);
        var color = recipe.Backgrounds[picture.Background];
        var background = new Rgb(color[0], color[1], color[2]);
        var side = (int)Math.Round(recipe.Size * picture.Scale);
        var image = RgbImage.Filled(recipe.Size, recipe.Size, background);
        image.Paste(sources[style].Render(concept.Icons[style], side, background), Place(picture.X, side), Place(picture.Y, side));
        var file = $"{folder}/{files.Count + 1:00}-{style}.png";
        image.Save(Path.Combine(output, file));
        sheet.Add(image);
        files.Add(new { file, caption = $"a {recipe.Styles[style].Word} style emoji of a {{}} on a {picture.Background} background" });
    }

    return files;
}

// 0 is the middle, 0.1 a tenth of the side to the right or below.
int Place(double offset, int side) => (int)Math.Round(((recipe.Size - side) / 2.0) + (offset * recipe.Size));
