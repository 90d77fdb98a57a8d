using Cones.Models;
using Cones.Search.Runs;
using Cones.Tasks.Generation;
using static TorchSharp.torch;

namespace Cones.Tests.Generation;

/// <summary>The loss of a concept that was found: what its search found on the same pictures, and what others cannot be given.</summary>
public sealed class ConceptLossTests : IDisposable
{
    static readonly string s_samples = Path.Combine(Cones.Goldens.GoldenSuite.ProjectFolder, "samples", "generation", "eggplant");
    readonly string _folder = Directory.CreateTempSubdirectory("cones-loss-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(GenerationMethod.Concept)]
    [InlineData(GenerationMethod.PseudoWord)]
    [InlineData(GenerationMethod.Words)]
    [InlineData(GenerationMethod.Text)]
    [InlineData(GenerationMethod.Full)]
    public void On_the_searchs_own_pictures_it_is_the_searchs_lowest_loss(GenerationMethod method)
    {
        var options = Options(method);
        using var folder = RunFolder.Open(Path.Combine(_folder, "run"));
        using var result = GenerationSearch.Run(options, folder);
        var before = Tensor.TotalCount;
        Assert.Equal(result.BestLoss, ConceptLoss.Of(result.Concept, options, method == GenerationMethod.Full ? Path.Combine(folder.Path, "unet") : null), 1e-5);
        Assert.Equal(before, Tensor.TotalCount);

        var heldOut = options with { Images = TrainingViews.ListImages(Path.Combine(s_samples, "eval")) };
        Assert.NotEqual(result.BestLoss, ConceptLoss.Of(result.Concept, heldOut), 1e-3);
    }

    [Fact]
    public void The_denoiser_that_was_trained_is_another_one()
    {
        var options = Options(GenerationMethod.Full);
        using var folder = RunFolder.Open(Path.Combine(_folder, "run"));
        using var result = GenerationSearch.Run(options, folder);
        Assert.NotEqual(ConceptLoss.Of(result.Concept, options), ConceptLoss.Of(result.Concept, options, Path.Combine(folder.Path, "unet")), 1e-6);
        Assert.Throws<ConesException>(() => ConceptLoss.Of(result.Concept, options, _folder));
    }

    static GenerationSearchOptions Options(GenerationMethod method) => new()
    {
        Model = EmbeddedModels.Find(EmbeddedModels.StableDiffusion),
        Images = [.. TrainingViews.ListImages(s_samples).Take(2)],
        Name = "<eggplant>",
        Init = method == GenerationMethod.Words ? ["purple grapes", "lemon"] : ["purple grapes"],
        Method = method,
        BatchSize = 2,
        EvaluationRows = 4,
        Search = GenerationSearchOptions.DefaultSearch with
        {
            Steps = 3,
            EvaluationInterval = 1,
            EarlyStop = new(),
            Optimizer = GenerationSearchOptions.DefaultSearch.Optimizer with { LearningRate = method switch { GenerationMethod.Full => 1e-4, GenerationMethod.PseudoWord => 1e-2, _ => 0.3 } },
        },
    };
}
