using Cones.Data;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Models.Glip;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;
using TorchSharp;

namespace Cones.Pretraining.Evaluation;

/// <summary>BCCD (MIT, github.com/Shenggan/BCCD_Dataset) as COCO's JSON: what the words of drawn scenes are worth in a microscope.</summary>
static class BloodCells
{
    static readonly IReadOnlyList<(string Name, string Words, string Description)> s_classes =
    [
        ("RBC", "red blood cell", "pink circle"), ("WBC", "white blood cell", "purple cell"), ("Platelets", "platelet", "purple blob"),
    ];

    /// <summary>Average precision in percent, by the names of the cells and by descriptions in the words of the scenes.</summary>
    /// <param name="model">The detector; not owned.</param>
    /// <param name="folder">Holds <c>annotations/test.json</c> and <c>images</c>.</param>
    public static IReadOnlyDictionary<string, double> Score(GlipModel model, string folder)
    {
        var dataset = CocoReader.Read(Path.Combine(folder, "annotations", "test.json"), new DataReadOptions { ImageFolder = Path.Combine(folder, "images") }).Dataset;
        var ids = dataset.Categories.ToDictionary(c => c.Name, c => c.Id);
        var detector = new GlipDetector(model);
        var scores = new Dictionary<string, double>();
        foreach (var (kind, words) in new (string, Func<(string, string, string), string>)[] { ("names", c => c.Item2), ("descriptions", c => c.Item3) })
        {
            using var scope = torch.NewDisposeScope();
            using var finder = ObjectFinder.OfClasses(detector, [.. s_classes.Select(c => new ClassPrompt(c.Name, words(c)))]);
            var results = dataset.Images.SelectMany(image => finder.Find(image.Load()).Select(f =>
                new CocoResult { ImageId = image.Id, CategoryId = ids[f.Name], Score = f.Score, Box = f.Box })).ToArray();
            var evaluation = CocoEvaluator.Evaluate(dataset, results);
            scores[$"bccd_{kind}_ap"] = 100 * evaluation.Stats.AP;
            scores[$"bccd_{kind}_ap50"] = 100 * evaluation.Stats.AP50;
            foreach (var (name, id) in ids) scores[$"bccd_{kind}_ap_{name.ToLowerInvariant()}"] = 100 * evaluation.ClassStats(id).AP;
        }

        return scores;
    }
}
