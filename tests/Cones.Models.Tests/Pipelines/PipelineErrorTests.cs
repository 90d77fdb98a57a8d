using Cones.Models.StableDiffusion.Pipelines;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Pipelines;

public sealed class PipelineErrorTests(TinyPipelines tiny) : IClassFixture<TinyPipelines>, IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly string _folder = Directory.CreateTempSubdirectory("cones-pipeline-").FullName;

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static TheoryData<string, GenerationOptions> BadOptions => new()
    {
        { "multiples of 8", new() { Width = 30, Height = 24 } },
        { "multiples of 8", new() { Width = 32, Height = 0 } },
        { "0 steps", new() { Steps = 0 } },
        { "2 seeds for 1 images", new() { Seeds = [1, 2] } },
        { "0 images", new() { ImagesPerPrompt = 0 } },
        { "eta", new() { Eta = 2 } },
        { "guidance rescale", new() { GuidanceRescale = -1 } },
    };

    [Theory]
    [MemberData(nameof(BadOptions), DisableDiscoveryEnumeration = true)]
    public void Options_out_of_range_are_refused(string expected, GenerationOptions options) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => tiny.Sd.Run("a cat", null, options)).Message);

    [Fact]
    public void Shapes_that_do_not_fit_are_refused_with_their_numbers()
    {
        var sd = tiny.Sd;
        var (dim, options) = (sd.UNet.Config.CrossAttentionDim, new GenerationOptions { Width = 32, Height = 24, Steps = 2 });

        Contains($"[B,T,{dim}]", () => sd.Run(new TextConditioning(zeros(1, 12, dim + 1)), null, options));
        Contains("[3,12,", () => sd.Run(new TextConditioning(zeros(2, 12, dim)), new TextConditioning(zeros(3, 12, dim)), options));
        Contains("1,11", () => sd.Run(new TextConditioning(zeros(2, 12, dim)), new TextConditioning(zeros(1, 11, dim)), options));
        Contains("1 embeddings", () => sd.Run(new TextConditioning(zeros(1, 12, dim), PerLayer: [zeros(1, 12, dim)]), null, options));
        Contains("[1,4,3,4]", () => sd.Run("a", null, options with { Latents = zeros(1, 4, 4, 4) }));
        Contains("pooled", () => tiny.XL.Run(new TextConditioning(zeros(1, 12, tiny.XL.UNet.Config.CrossAttentionDim)), null, options));
        Contains("2 negative prompts", () => sd.Run(["a"], ["b", "c"], options));
        Contains("no prompt", () => sd.Run([], null, options));

        static void Contains(string expected, Action action) => Assert.Contains(expected, Assert.Throws<ArgumentException>(action).Message);
    }

    [Fact]
    public void A_folder_that_is_no_pipeline_says_so()
    {
        Assert.Contains("does not exist", Message(Path.Combine(_folder, "nothing")));
        Assert.Contains("model_index.json is missing", Message(_folder));
        Write("""{"_class_name": "FluxPipeline"}""");
        Assert.Contains("FluxPipeline", Message(_folder));
        Write("""{"_class_name": "StableDiffusionXLPipeline", "requires_aesthetics_score": true}""");
        Assert.Contains("refiner", Message(_folder));
        Assert.Contains("Stable Diffusion XL", Assert.Throws<ConesException>(() => StableDiffusionPipeline.FromFolder(TinyPipelines.FolderOf("pipeline-sdxl"))).Message);

        static string Message(string folder) => Assert.Throws<ConesException>(() => DiffusionPipeline.FromFolder(folder)).Message;
        void Write(string json) => File.WriteAllText(Path.Combine(_folder, "model_index.json"), json);
    }

    [Fact]
    public void Options_that_early_schedulers_lack_are_corrected()
    {
        var source = TinyPipelines.FolderOf("pipeline-sd15");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(_folder, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        File.WriteAllText(Path.Combine(_folder, "scheduler", "scheduler_config.json"), """{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"}""");

        using var pipeline = DiffusionPipeline.FromFolder(_folder);

        Assert.IsType<StableDiffusionPipeline>(pipeline);
        Assert.Equal(1, pipeline.Scheduler.StepsOffset);
        Assert.False(pipeline.Scheduler.ClipSample);
    }

    [Fact]
    public void Guidance_can_keep_the_deviation_of_the_guided_half()
    {
        var prediction = randn(4, 3, 5, 5);
        var with = prediction.chunk(2, 0)[1];

        var rescaled = Guidance.Apply(prediction, 4, 1);

        Assert.True(rescaled.std([1, 2, 3]).allclose(with.std([1, 2, 3]), 1e-4, 1e-4));
        Assert.True(Guidance.Apply(prediction, 1).allclose(with, 1e-5, 1e-5));
        Assert.Throws<ArgumentException>(() => Guidance.Apply(zeros(3, 3, 5, 5), 2));
    }
}
