using Cones.Models.Clip;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Recipes.Clip;
using Cones.Pretraining.Smoke;

namespace Cones.Pretraining.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void Every_recipe_learns_and_resumes_to_the_same_bytes_and_the_models_can_be_scored()
    {
        using var folder = new TemporaryFolder();
        var log = new StringWriter();
        SmokeRun.Run(folder.Path, log);
        Assert.Equal(SmokeRecipes.All.Count, log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

        string Model(string recipe) => Path.Combine(folder.Path, "whole", recipe, "model");
        using var pipeline = StableDiffusionPipeline.FromFolder(Model("unet"));
        using var judge = ClipFeatureExtractor.FromFolder(Model("clip"));
        var pictures = new List<RgbImage>();
        var scores = new TextToImageScores(
            pipeline, judge, ClipTokenizer.FromFolder(Model("clip")), ClipPixels.Of(Model("clip")), IconPack.Open(Path.Combine(folder.Path, "data")), ["food-drink"]).Compute(pictures);
        Assert.Equal(16, pictures.Count);
        Assert.Equal(16, (int)scores["names"]!);
        Assert.All(scores, s => Assert.True(double.IsFinite(double.Parse(s.Value!.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture))));
        Assert.InRange((double)scores["generated_r1"]!, 0, 1);
    }
}
