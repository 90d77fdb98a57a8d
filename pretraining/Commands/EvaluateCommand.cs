using System.CommandLine;
using Cones.Models.Clip;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Recipes.Clip;

namespace Cones.Pretraining.Commands;

/// <summary><c>evaluate</c>: the scores of a text-to-image folder, one JSON line.</summary>
static class EvaluateCommand
{
    /// <summary>Adds the command.</summary>
    public static void AddTo(Command root)
    {
        var model = new Argument<string>("model") { Description = "A Stable Diffusion folder, e.g. models/mini-sd." };
        var judge = new Option<string>("--clip") { Description = "The CLIP folder that judges.", DefaultValueFactory = _ => "models/mini-clip" };
        var tokenizer = new Option<string?>("--clip-tokenizer") { Description = "Its tokenizer's folder, where it has none of its own." };
        var data = new Option<string>("--data") { Description = "The folder that prepare-data.sh filled.", DefaultValueFactory = _ => "artifacts/pretraining/data" };
        var groups = new Option<string>("--groups") { Description = "Groups of concepts, with commas between.", DefaultValueFactory = _ => "animals-nature,food-drink" };
        var sheet = new Option<string?>("--sheet") { Description = "A PNG file for the generated pictures." };
        var command = new Command("evaluate", "Scores a text-to-image folder: names read off generated pictures, distance to real ones, losses.") { model, judge, tokenizer, data, groups, sheet };
        command.SetAction(parsed =>
        {
            using var pipeline = StableDiffusionPipeline.FromFolder(parsed.GetValue(model)!);
            var folder = parsed.GetValue(judge)!;
            using var features = ClipFeatureExtractor.FromFolder(folder);
            var pictures = new List<RgbImage>();
            var scores = new TextToImageScores(
                pipeline, features, ClipTokenizer.FromFolder(parsed.GetValue(tokenizer) ?? folder), ClipPixels.Of(folder),
                IconPack.Open(parsed.GetValue(data)!), parsed.GetValue(groups)!.Split(','));
            Console.WriteLine(scores.Compute(pictures).ToJsonString());
            if (parsed.GetValue(sheet) is { } path) RgbImage.Grid(pictures, 10).Save(path);
        });
        root.Subcommands.Add(command);
    }
}
