using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cones.Concepts;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using Cones.Tasks.Generation;
using TorchSharp;

namespace Cones.Cli.Generate;

/// <summary><c>cones generate</c>: draws prompts with concepts.</summary>
static class GenerateCommand
{
    static readonly Argument<string> s_prompt = new("prompt") { Description = "What to draw; names of concepts, such as <dog>, are replaced by them." };
    static readonly Option<string[]> s_concepts = new("--concept", "-c") { Description = "Concept file(s).", HelpName = "FILE", AllowMultipleArgumentsPerToken = true };
    static readonly Option<string?> s_model = new("--model") { Description = "Folder (diffusers layout) or Hugging Face id. Default: the embedded small model.", HelpName = "MODEL" };
    static readonly Option<string> s_output = new("--output", "-o") { Description = "The picture to write (.png, .jpg, .webp).", HelpName = "FILE", DefaultValueFactory = _ => "generated.png" };
    static readonly Option<string?> s_negative = new("--negative") { Description = "What to keep away from." };
    static readonly Option<int> s_count = new("--count", "-n") { Description = "Pictures, shown as one grid.", DefaultValueFactory = _ => 4 };
    static readonly Option<bool> s_separate = new("--separate") { Description = "Write each picture to a file of its own instead of a grid." };
    static readonly Option<int> s_columns = new("--columns") { Description = "Columns of the grid; 0: as square as possible.", DefaultValueFactory = _ => 0 };
    static readonly Option<ulong> s_seed = new("--seed") { Description = "Seed of the first picture; the next ones count up.", DefaultValueFactory = _ => 0UL };
    static readonly Option<int> s_steps = new("--steps") { Description = "Denoising steps.", DefaultValueFactory = _ => 20 };
    static readonly Option<double?> s_guidance = new("--guidance") { Description = "Classifier-free guidance scale. Default: 3 for the embedded model, else the model family's." };
    static readonly Option<string> s_scheduler = new("--scheduler") { Description = $"One of {string.Join(", ", SchedulerNames.All)}, or 'model' for the model's own.", DefaultValueFactory = _ => "dpmpp-2m" };
    static readonly Option<int?> s_width = new("--width") { Description = "Width in pixels. Default: the model's own." };
    static readonly Option<int?> s_height = new("--height") { Description = "Height in pixels. Default: the model's own." };
    static readonly Option<string?> s_image = new("--image") { Description = "A picture to start from (image to image).", HelpName = "FILE" };
    static readonly Option<double> s_strength = new("--strength") { Description = "How much of --image is redrawn, 0 to 1.", DefaultValueFactory = _ => 0.8 };

    public static Command Create()
    {
        var command = new Command("generate", "Draw a prompt with concepts.");
        command.Arguments.Add(s_prompt);
        foreach (var option in (Option[])[s_concepts, s_model, s_output, s_negative, s_count, s_separate, s_columns, s_seed, s_steps, s_guidance, s_scheduler, s_width, s_height, s_image, s_strength])
            command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var error = parsed.InvocationConfiguration.Error;
        var embedded = parsed.GetValue(s_model) is null;
        var folder = ModelFolder.Resolve(parsed.GetValue(s_model));
        var count = parsed.GetValue(s_count);
        if (count is < 1 or > 1024) throw new ConesException($"{count} pictures asked for, 1 to 1024 are possible (--count)");
        if (parsed.GetValue(s_steps) < 1) throw new ConesException($"{parsed.GetValue(s_steps)} steps asked for, at least 1 is needed (--steps)");
        var files = LoadConcepts(parsed.GetValue(s_concepts) ?? [], folder);

        using var cancellation = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        };

        var clock = Stopwatch.StartNew();
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var pipeline = DiffusionPipeline.FromFolder(folder);
        using var text = TextSide.FromFolder(folder);
        var warnings = new List<string>();
        var composer = new ConceptComposer(text, files, pipeline.UNet.CrossAttentionLayers.Count);
        using var conditioning = composer.Encode(parsed.GetRequiredValue(s_prompt), warnings);
        using var negative = parsed.GetValue(s_negative) is { } words ? new ConceptComposer(text, [], 0).Encode(words, warnings) : null;
        foreach (var warning in warnings) error.WriteLine($"warning: {warning}");

        var seed = parsed.GetValue(s_seed);
        var options = new GenerationOptions
        {
            Width = parsed.GetValue(s_width),
            Height = parsed.GetValue(s_height),
            Steps = parsed.GetValue(s_steps),
            GuidanceScale = parsed.GetValue(s_guidance) ?? (embedded ? 3 : null),
            Scheduler = parsed.GetRequiredValue(s_scheduler) is "model" ? null : SchedulerNames.Configure(parsed.GetRequiredValue(s_scheduler), pipeline.Scheduler),
            Strength = parsed.GetValue(s_strength),
            Image = StartImage(parsed, pipeline),
        };
        var images = new List<RgbImage>();
        const int batch = 4;
        for (var first = 0; first < count; first += batch)
        {
            var part = Math.Min(batch, count - first);
            try
            {
                using var result = pipeline.Generate(conditioning, negative, options with { ImagesPerPrompt = part, Seeds = [.. Enumerable.Range(first, part).Select(i => seed + (ulong)i)] }, cancellation.Token);
                for (var i = 0; i < part; i++) images.Add(RgbImage.FromTensor(result.Images[i]));
            }
            catch (ArgumentException e)
            {
                throw new ConesException(e.Message, e);
            }
        }

        foreach (var path in Save(parsed, images, seed, options, folder))
            parsed.InvocationConfiguration.Output.WriteLine(path);
        error.WriteLine($"{count} pictures in {clock.Elapsed.TotalSeconds:0.0} s");
        foreach (var file in files) file.Dispose();
        return ExitCodes.Success;
    }

    static List<ConceptFile> LoadConcepts(IReadOnlyList<string> paths, string folder)
    {
        var fingerprint = paths.Count > 0 ? GenerationModel.FingerprintOf(folder) : "";
        var files = new List<ConceptFile>();
        foreach (var path in paths)
        {
            var file = ConceptFile.Load(path);
            file.RequireModel(path, fingerprint, folder);
            files.Add(file);
        }

        return files;
    }

    static torch.Tensor? StartImage(ParseResult parsed, DiffusionPipeline pipeline)
    {
        if (parsed.GetValue(s_image) is not { } path) return null;
        var size = new ImageSize(parsed.GetValue(s_height) ?? pipeline.DefaultSize, parsed.GetValue(s_width) ?? pipeline.DefaultSize);
        return new VaeImageProcessor(pipeline.Vae.Config.Reduction).Preprocess(RgbImage.Load(path), size, VaeResizeMode.Crop);
    }

    static IEnumerable<string> Save(ParseResult parsed, List<RgbImage> images, ulong seed, GenerationOptions options, string folder)
    {
        var output = parsed.GetRequiredValue(s_output);
        var settings = new Dictionary<string, string>
        {
            ["prompt"] = parsed.GetRequiredValue(s_prompt),
            ["negative_prompt"] = parsed.GetValue(s_negative) ?? "",
            ["concepts"] = string.Join(", ", (parsed.GetValue(s_concepts) ?? []).Select(Path.GetFileName)),
            ["model"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)),
            ["scheduler"] = parsed.GetRequiredValue(s_scheduler),
            ["steps"] = options.Steps.ToString(CultureInfo.InvariantCulture),
            ["guidance"] = options.GuidanceScale?.ToString(CultureInfo.InvariantCulture) ?? "default",
            ["software"] = "cones",
        };
        if (!parsed.GetValue(s_separate))
        {
            var columns = parsed.GetValue(s_columns) is > 0 and var given ? given : (int)Math.Ceiling(Math.Sqrt(images.Count));
            settings["seed"] = images.Count == 1 ? $"{seed}" : $"{seed} to {seed + (ulong)images.Count - 1}";
            RgbImage.Grid(images, columns).Save(output, new ImageSaveOptions { Text = settings });
            yield return output;
            yield break;
        }

        for (var i = 0; i < images.Count; i++)
        {
            var path = Path.Combine(Path.GetDirectoryName(output) ?? "", $"{Path.GetFileNameWithoutExtension(output)}-{seed + (ulong)i}{Path.GetExtension(output)}");
            settings["seed"] = $"{seed + (ulong)i}";
            images[i].Save(path, new ImageSaveOptions { Text = settings });
            yield return path;
        }
    }
}
