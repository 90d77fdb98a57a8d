using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.Weights;
using Cones.Tasks.Generation;
using TorchSharp;

namespace Cones.Cli.Generate;

/// <summary><c>cones generate</c>: draws prompts with concepts.</summary>
static class GenerateCommand
{
    static readonly Argument<string> s_prompt = new("prompt") { Description = "What to draw; the names of concepts, such as <dog>, stand for them." };
    static readonly Option<string[]> s_concepts = new("--concept", "-c") { Description = "A concept file; several are named one after the other.", HelpName = "FILE" };
    static readonly ModelOptionSet s_model = new();
    static readonly GenerateOptionSet s_how = new();
    static readonly Option<string> s_output = new("--output", "-o") { Description = "The picture to write (.png, .jpg, .webp).", HelpName = "FILE", DefaultValueFactory = _ => "generated.png" };
    static readonly Option<int> s_count = new("--count", "-n") { Description = "Pictures, shown as one grid.", HelpName = "N", DefaultValueFactory = _ => 4 };
    static readonly Option<bool> s_separate = new("--separate") { Description = "Write each picture to a file of its own instead of a grid." };
    static readonly Option<int> s_columns = new("--columns") { Description = "Columns of the grid; 0: as square as possible.", HelpName = "N", DefaultValueFactory = _ => 0 };
    static readonly Option<string?> s_image = new("--image") { Description = "A picture to start from (image to image).", HelpName = "FILE" };
    static readonly Option<double> s_strength = new("--strength") { Description = "How much of --image is redrawn, above 0 to 1.", HelpName = "SHARE", DefaultValueFactory = _ => 0.8 };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "generate",
            """
            Draw a prompt with concepts.

            Example: cones generate "a photo of <dog> on the beach" --concept dog.concept.safetensors -o beach.png
            """);
        command.Arguments.Add(s_prompt);
        command.Options.Add(s_concepts);
        s_model.AddTo(command);
        foreach (var option in (Option[])[s_output, s_count, s_separate, s_columns]) command.Options.Add(option);
        s_how.AddTo(command);
        foreach (var option in (Option[])[s_image, s_strength, s_json]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var count = parsed.GetValue(s_count);
        if (count is < 1 or > 1024) throw new ConesException($"{count} pictures asked for, 1 to 1024 are possible (--count)");
        if (parsed.GetValue(s_strength) is not (> 0 and <= 1)) throw new ConesException($"the strength is {parsed.GetValue(s_strength)}, above 0 to 1 is possible (--strength)");
        s_how.Check(parsed);
        var files = new PictureFiles(parsed.GetRequiredValue(s_output), parsed.GetValue(s_separate), parsed.GetValue(s_columns));
        files.Check();
        var folder = s_model.Folder(parsed);
        var loading = s_model.Loading(parsed);
        var start = parsed.GetValue(s_image) is { } path ? RgbImage.Load(path) : null;

        using var stop = new StopSignal();
        using var scope = torch.NewDisposeScope();
        var concepts = ConceptPictures.LoadConcepts(parsed.GetValue(s_concepts) ?? [], folder);
        using var pictures = ConceptPictures.FromFolder(folder, concepts, loading);
        var options = s_how.Read(parsed, pictures.Pipeline, s_model.IsEmbedded(parsed)) with { Strength = parsed.GetValue(s_strength) };
        if (start is not null) options = options with { Image = StartImage(start, options, pictures.Pipeline) };

        var (prompt, seed, warnings) = (parsed.GetRequiredValue(s_prompt), s_how.Seed(parsed), new List<string>());
        var images = pictures.Draw(prompt, s_how.Negative(parsed), count, seed, options, Warn, stop.Token);
        var written = files.Save(images, seed, Settings(parsed, options with { GuidanceScale = options.GuidanceScale ?? pictures.Pipeline.DefaultGuidanceScale }, folder, loading, images[0].Size));
        foreach (var concept in concepts) concept.Dispose();

        var report = new GenerateReport(prompt, s_how.Negative(parsed), folder, parsed.GetValue(s_concepts) ?? [], written, warnings, Math.Round(clock.Elapsed.TotalSeconds, 1));
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else foreach (var picture in written) output.WriteLine(picture.Path);
        error.WriteLine($"{count} pictures in {report.Seconds:0.0} s");
        return ExitCodes.Success;

        void Warn(string warning)
        {
            warnings.Add(warning);
            error.WriteLine($"warning: {warning}");
        }
    }

    static torch.Tensor StartImage(RgbImage image, GenerationOptions options, DiffusionPipeline pipeline)
    {
        var size = new ImageSize(options.Height ?? pipeline.DefaultSize, options.Width ?? pipeline.DefaultSize);
        return new VaeImageProcessor(pipeline.Vae.Config.Reduction).Preprocess(image, size, VaeResizeMode.Crop);
    }

    static Dictionary<string, string> Settings(ParseResult parsed, GenerationOptions options, string folder, LoadOptions loading, ImageSize size)
    {
        var settings = new Dictionary<string, string>
        {
            ["prompt"] = parsed.GetRequiredValue(s_prompt),
            ["negative_prompt"] = s_how.Negative(parsed) ?? "",
            ["concepts"] = string.Join(", ", (parsed.GetValue(s_concepts) ?? []).Select(Path.GetFileName)),
            ["model"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)),
            ["precision"] = WeightPrecision.NameOf(loading.Type),
            ["scheduler"] = s_how.Scheduler(parsed),
            ["steps"] = options.Steps.ToString(CultureInfo.InvariantCulture),
            ["guidance"] = options.GuidanceScale!.Value.ToString(CultureInfo.InvariantCulture),
            ["size"] = $"{size.Width}x{size.Height}",
            ["software"] = "cones",
        };
        if (parsed.GetValue(s_image) is not { } image) return settings;
        settings["image"] = Path.GetFileName(image);
        settings["strength"] = options.Strength.ToString(CultureInfo.InvariantCulture);
        return settings;
    }
}
