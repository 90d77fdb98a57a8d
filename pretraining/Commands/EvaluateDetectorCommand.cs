using System.CommandLine;
using System.Text.Json;
using Cones.Models.Glip;
using Cones.Pretraining.Data;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Recipes.Detector;

namespace Cones.Pretraining.Commands;

/// <summary><c>evaluate-detector</c>: the scores of a detector's folder, one JSON line.</summary>
static class EvaluateDetectorCommand
{
    /// <summary>Adds the command.</summary>
    public static void AddTo(Command root)
    {
        var model = new Argument<string>("model") { Description = "A GLIP folder, e.g. models/mini-glip." };
        var data = new Option<string>("--data") { Description = "The folder that prepare-data.sh filled.", DefaultValueFactory = _ => "artifacts/pretraining/data" };
        var bccd = new Option<string?>("--bccd") { Description = "A folder with BCCD (annotations/test.json, images): scores blood cells too." };
        var scenes = new Option<int>("--scenes") { Description = "Scenes for each score.", DefaultValueFactory = _ => 200 };
        var sheet = new Option<string?>("--sheet") { Description = "A PNG file for detections in drawn scenes." };
        var run = new Option<string?>("--publish") { Description = "A run's folder: first makes MODEL of it (weights in float16), then its card and curves." };
        var begunWith = new Option<string?>("--begun-with") { Description = "The run's folder that the published one began with, for its curves." };
        var state = new Option<string>("--state") { Description = "How far the run has come, for the card.", DefaultValueFactory = _ => "the whole run" };
        var command = new Command("evaluate-detector", "Scores a detector: precision on drawn scenes of seen and held-out concepts, blood cells.") { model, data, bccd, scenes, sheet, run, begunWith, state };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(model)!;
            if (parsed.GetValue(run) is { } source) DetectorCard.CopyWeights(source, folder);
            using var glip = GlipModel.FromFolder(folder);
            var drawn = new DetectorScores(IconPack.Open(parsed.GetValue(data)!), parsed.GetValue(scenes));
            var scores = new Dictionary<string, double>(drawn.Compute(glip));
            if (parsed.GetValue(bccd) is { } cells)
                foreach (var (name, value) in BloodCells.Score(glip, cells)) scores[name] = value;
            if (parsed.GetValue(run) is { } whole)
            {
                using var single = GlipModel.FromFolder(Path.Combine(whole, "model"));
                scores["float16_difference"] = drawn.Compute(single).Where(s => s.Key.Contains("_ap", StringComparison.Ordinal)).Max(s => Math.Abs(s.Value - scores[s.Key]));
            }

            if (parsed.GetValue(sheet) is { } path) drawn.DrawSheet(glip, path);
            if (parsed.GetValue(run) is { } published) DetectorCard.Write(published, parsed.GetValue(begunWith), folder, parsed.GetValue(state)!, glip.NamedWeights().Sum(w => w.Value.Count), scores);
            Console.WriteLine(JsonSerializer.Serialize(scores.ToDictionary(s => s.Key, s => Math.Round(s.Value, 4))));
        });
        root.Subcommands.Add(command);
    }
}
