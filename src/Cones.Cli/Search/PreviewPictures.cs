using Cones.Concepts;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Prompts;
using Cones.Tasks.Generation;
using TorchSharp;

namespace Cones.Cli.Search;

/// <summary>Draws the state of a search: the same seeds with the same templates every time, so that pictures can be compared.</summary>
sealed class PreviewPictures(GenerationSearchOptions options) : IDisposable
{
    const int Count = 4;
    StableDiffusionPipeline? _pipeline;
    RgbImage? _first;
    RgbImage? _last;

    /// <summary>Writes the first and the last pictures, one row above the other; nothing where none were made.</summary>
    /// <returns>Whether there was something to write.</returns>
    public bool SaveComparison(string path)
    {
        if (_first is null || _last is null) return false;
        var settings = new Dictionary<string, string> { ["concept"] = options.Name, ["rows"] = "before, after", ["software"] = "cones" };
        RgbImage.Grid([_first, _last], 1, padding: 4).Save(path, new ImageSaveOptions { Text = settings });
        return true;
    }

    /// <summary>Writes <c>step-N.png</c> into <paramref name="folder"/>.</summary>
    public void Write(GenerationModel model, IPrompt prompt, string folder, int step)
    {
        if (model.IsXL) return; // one picture takes minutes: previews of SDXL are made with `cones generate`
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        _pipeline ??= new StableDiffusionPipeline(model.UNet, model.LoadVae(), SchedulerConfig.FromFile(Path.Combine(model.Folder, "scheduler", "scheduler_config.json")));
        var conditioning = prompt.Build([.. Enumerable.Range(0, Count).Select(i => i % prompt.TemplateCount)]);
        using var text = model.LoadText();
        var empty = text.Encode([""], []);
        var result = _pipeline.Generate(
            new TextConditioning(conditioning.Embeddings, conditioning.Pooled, conditioning.PerLayer),
            new TextConditioning(empty.Embeddings, empty.Pooled),
            new GenerationOptions
            {
                Steps = 12,
                GuidanceScale = 3,
                Scheduler = SchedulerNames.Configure("dpmpp-2m", _pipeline.Scheduler),
                Seeds = [.. Enumerable.Range(0, Count).Select(i => (ulong)i)],
            });
        Directory.CreateDirectory(folder);
        var images = Enumerable.Range(0, Count).Select(i => RgbImage.FromTensor(result.Images[i])).ToArray();
        _last = RgbImage.Grid(images, Count);
        _first ??= _last;
        _last.Save(Path.Combine(folder, $"step-{step:000000}.png"), new ImageSaveOptions { Text = new Dictionary<string, string> { ["concept"] = options.Name } });
    }

    public void Dispose() => _pipeline?.Vae.Dispose();
}
