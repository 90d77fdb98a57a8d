using System.CommandLine;
using Cones.Models;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;

namespace Cones.Cli.Generate;

/// <summary>How pictures are drawn: the options that <c>generate</c> and <c>evaluate</c> share.</summary>
sealed class GenerateOptionSet
{
    // Classifier-free guidance that suits the embedded model.
    const double EmbeddedGuidance = 3;

    readonly Option<string?> _negative = new("--negative") { Description = "What to keep away from.", HelpName = "PROMPT" };
    readonly Option<ulong> _seed = new("--seed") { Description = "Seed of the first picture; the next ones count up.", HelpName = "N", DefaultValueFactory = _ => 0UL };
    readonly Option<int> _steps = new("--steps") { Description = "Denoising steps.", HelpName = "N", DefaultValueFactory = _ => 20 };
    readonly Option<double?> _guidance = new("--guidance") { Description = $"Classifier-free guidance scale. Default: {EmbeddedGuidance} for the embedded model, else the model family's.", HelpName = "SCALE" };
    readonly Option<string> _scheduler = new("--scheduler") { Description = $"One of {string.Join(", ", SchedulerNames.All)}, or 'model' for the model's own.", HelpName = "NAME", DefaultValueFactory = _ => "dpmpp-2m" };
    readonly Option<string?> _denoiser = new("--denoiser") { Description = "A denoiser trained for the concept (method full): the folder unet of the search's run.", HelpName = "DIR" };
    readonly Option<int?> _width = new("--width") { Description = "Width in pixels. Default: the model's own.", HelpName = "PIXELS" };
    readonly Option<int?> _height = new("--height") { Description = "Height in pixels. Default: the model's own.", HelpName = "PIXELS" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_denoiser, _negative, _seed, _steps, _guidance, _scheduler, _width, _height]) command.Options.Add(option);
    }

    public string? Negative(ParseResult parsed) => parsed.GetValue(_negative);

    /// <summary>The folder of a denoiser that was trained further, or null.</summary>
    public string? Denoiser(ParseResult parsed) => parsed.GetValue(_denoiser);

    public ulong Seed(ParseResult parsed) => parsed.GetValue(_seed);

    public string Scheduler(ParseResult parsed) => parsed.GetRequiredValue(_scheduler);

    /// <summary>Checks what does not need the model.</summary>
    /// <exception cref="ConesException">An option is out of its range.</exception>
    public void Check(ParseResult parsed)
    {
        if (parsed.GetValue(_steps) < 1) throw new ConesException($"{parsed.GetValue(_steps)} steps asked for, at least 1 is needed (--steps)");
        if (parsed.GetValue(_guidance) is { } guidance && !double.IsFinite(guidance)) throw new ConesException($"the guidance scale {guidance} is no number (--guidance)");
        if (Denoiser(parsed) is { } denoiser && !File.Exists(Path.Combine(denoiser, "config.json")))
            throw new ConesException($"{denoiser} is no denoiser's folder: name the folder unet in the run of `cones search generation --method full` (--denoiser)");
        var scheduler = Scheduler(parsed);
        if (scheduler != "model" && !SchedulerNames.All.Contains(scheduler.ToLowerInvariant()))
            throw new ConesException($"the scheduler '{scheduler}' is not known: {string.Join(", ", SchedulerNames.All)}, or model (--scheduler)");
    }

    /// <summary>The options for a pipeline.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="embedded">Whether it is the embedded model.</param>
    /// <exception cref="ConesException">The size does not suit the model.</exception>
    public GenerationOptions Read(ParseResult parsed, DiffusionPipeline pipeline, bool embedded)
    {
        var factor = pipeline.Vae.Config.Reduction;
        foreach (var (side, name) in ((int?, string)[])[(parsed.GetValue(_width), "--width"), (parsed.GetValue(_height), "--height")])
            if (side is { } pixels && (pixels < factor || pixels % factor != 0))
                throw new ConesException($"a side of {pixels} pixels is no multiple of {factor}, which this model needs ({name})");
        return new GenerationOptions
        {
            Width = parsed.GetValue(_width),
            Height = parsed.GetValue(_height),
            Steps = parsed.GetValue(_steps),
            GuidanceScale = parsed.GetValue(_guidance) ?? (embedded ? EmbeddedGuidance : null),
            Scheduler = Scheduler(parsed) == "model" ? null : SchedulerNames.Configure(Scheduler(parsed), pipeline.Scheduler),
        };
    }
}
