using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Prompts;
using Cones.Tasks.Generation;
using TorchSharp;

namespace Cones.Cli.Search;

/// <summary>Draws the state of a search: the same seeds with the same templates every time, so that pictures can be compared.</summary>
/// <param name="name">The concept's name.</param>
/// <param name="includeXL">Whether SDXL is drawn too, where one picture takes minutes without a card.</param>
sealed class PreviewPictures(string name, bool includeXL) : IDisposable
{
    const int Count = 4;
    DiffusionPipeline? _pipeline;
    TextConditioning? _negative;
    RgbImage? _first;
    RgbImage? _last;

    /// <summary>Writes the first and the last pictures, one row above the other; nothing where none were made.</summary>
    /// <returns>Whether there was something to write.</returns>
    public bool SaveComparison(string path)
    {
        if (_first is null || _last is null) return false;
        var settings = new Dictionary<string, string> { ["concept"] = name, ["rows"] = "before, after", ["software"] = "cones" };
        RgbImage.Grid([_first, _last], 1, padding: 4).Save(path, new ImageSaveOptions { Text = settings });
        return true;
    }

    /// <summary>Writes <c>step-N.png</c> into <paramref name="folder"/>.</summary>
    public void Write(GenerationModel model, IPrompt prompt, string folder, int step)
    {
        if (model.IsXL && !includeXL) return;
        var path = Path.Combine(folder, $"step-{step:000000}.png");
        if (step == 0 && File.Exists(path))
        {
            _first = _last = RgbImage.Load(path); // a search that goes on has drawn its beginning
            return;
        }

        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var built = prompt.Build([.. Enumerable.Range(0, Count).Select(i => i % prompt.TemplateCount)]);
        var conditioning = new TextConditioning(built.Embeddings, built.Pooled, built.PerLayer);
        Prepare(model, conditioning);
        using var result = _pipeline!.Generate(
            conditioning,
            _negative,
            new GenerationOptions
            {
                Steps = 12,
                GuidanceScale = 3,
                Scheduler = SchedulerNames.Configure("dpmpp-2m", _pipeline.Scheduler),
                Seeds = [.. Enumerable.Range(0, Count).Select(i => (ulong)i)],
            });
        Directory.CreateDirectory(folder);
        _last = RgbImage.Grid(result.ToRgbImages(), Count);
        _first ??= _last;
        _last.Save(path, new ImageSaveOptions { Text = new Dictionary<string, string> { ["concept"] = name } });
    }

    public void Dispose()
    {
        _pipeline?.Vae.Dispose(); // the denoiser is the search's
        _negative?.Dispose();
    }

    // The text encoder is asked once and let go of.
    void Prepare(GenerationModel model, TextConditioning like)
    {
        if (_pipeline is not null) return;
        using var text = model.LoadText();
        _negative = text.EncodeNegative(null, like);
        _pipeline = DiffusionPipeline.FromParts(model.Folder, model.UNet, model.LoadVae());
    }
}
