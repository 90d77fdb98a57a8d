using System.CommandLine;
using System.Text.Json;
using Cones.Models.Sam;
using Cones.Pretraining.Data;
using Cones.Pretraining.Recipes.Segmenter;

namespace Cones.Pretraining.Commands;

/// <summary><c>evaluate-segmenter</c>: the scores of a segmenter's folder, one JSON line.</summary>
static class EvaluateSegmenterCommand
{
    /// <summary>Adds the command.</summary>
    public static void AddTo(Command root)
    {
        var model = new Argument<string>("model") { Description = "A SAM folder, e.g. models/mini-sam." };
        var data = new Option<string>("--data") { Description = "The folder that prepare-data.sh filled.", DefaultValueFactory = _ => "artifacts/pretraining/data" };
        var scenes = new Option<int>("--scenes") { Description = "Scenes of held-out emoji; of crowds and cells half as many.", DefaultValueFactory = _ => 64 };
        var run = new Option<string?>("--publish") { Description = "A run's folder: first makes MODEL of it (weights in float16), with its curves." };
        var command = new Command("evaluate-segmenter", "Scores a segmenter: mean IoU of masks by true boxes on drawn scenes that it did not see.") { model, data, scenes, run };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(model)!;
            if (parsed.GetValue(run) is { } source) SegmenterFiles.Publish(source, folder);
            using var sam = SamModel.FromFolder(folder);
            var tests = SegmenterTest.All(IconPack.Open(parsed.GetValue(data)!), sam.Config.Vision.ImageSize, parsed.GetValue(scenes));
            Console.WriteLine(JsonSerializer.Serialize(tests.SelectMany(t => t.Scores(sam)).ToDictionary(s => s.Key, s => Math.Round(s.Value, 4))));
        });
        root.Subcommands.Add(command);
    }
}
