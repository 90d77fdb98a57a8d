using Cones.Models.StableDiffusion.Pipelines;

namespace Cones.Models.Tests.Pipelines;

/// <summary>The tiny pipelines of the golden cases, loaded once.</summary>
public sealed class TinyPipelines : IDisposable
{
    readonly int _threads;

    public TinyPipelines()
    {
        Native.LibTorch.Initialize();
        // Models this small only wait for each other's threads, all the more on a busy machine.
        _threads = TorchSharp.torch.get_num_threads();
        TorchSharp.torch.set_num_threads(1);
        Sd = StableDiffusionPipeline.FromFolder(FolderOf("pipeline-sd15"));
        XL = StableDiffusionXLPipeline.FromFolder(FolderOf("pipeline-sdxl"));
    }

    public StableDiffusionPipeline Sd { get; }

    public StableDiffusionXLPipeline XL { get; }

    public static string FolderOf(string golden)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "cones.slnx"))) folder = folder.Parent;
        return Path.Combine(folder.FullName, "tests", "goldens", "generation", golden, "pipeline");
    }

    public void Dispose()
    {
        TorchSharp.torch.set_num_threads(_threads);
        Sd.Dispose();
        XL.Dispose();
    }
}

/// <summary>Generation that a stopped test run cancels.</summary>
static class PipelineExtensions
{
    public static GenerationResult Run(this DiffusionPipeline pipeline, string prompt, string? negative, GenerationOptions options) =>
        pipeline.Generate(prompt, negative, options, TestContext.Current.CancellationToken);

    public static GenerationResult Run(this DiffusionPipeline pipeline, IReadOnlyList<string> prompts, IReadOnlyList<string>? negatives, GenerationOptions options) =>
        pipeline.Generate(prompts, negatives, options, TestContext.Current.CancellationToken);

    public static GenerationResult Run(this DiffusionPipeline pipeline, TextConditioning conditioning, TextConditioning? negative, GenerationOptions options) =>
        pipeline.Generate(conditioning, negative, options, TestContext.Current.CancellationToken);
}
