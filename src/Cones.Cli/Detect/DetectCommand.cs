using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Tasks.Detection;
using TorchSharp;

namespace Cones.Cli.Detect;

/// <summary><c>cones detect</c>: finds concepts, or what names say, in pictures.</summary>
static class DetectCommand
{
    static readonly Argument<string[]> s_images = new("images") { Description = "Pictures, or folders of them.", Arity = ArgumentArity.OneOrMore };
    static readonly DetectorOptionSet s_model = new();
    static readonly FinderOptionSet s_what = new();
    static readonly Option<double> s_threshold = new("--threshold") { Description = "Only objects of at least this score, 0 to 1.", HelpName = "SCORE", DefaultValueFactory = _ => 0.3 };
    static readonly Option<string> s_output = new("--output", "-o") { Description = "Folder for the pictures with boxes, detections.json (COCO) and detections.csv.", HelpName = "DIR", DefaultValueFactory = _ => "detections" };
    static readonly Option<bool> s_noPictures = new("--no-pictures") { Description = "Write no pictures." };
    static readonly Option<bool> s_strict = new("--strict") { Description = "Refuse a picture that cannot be read instead of leaving it out." };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "detect",
            """
            Find concepts, or what names say, in pictures. The folder of a trained model (--method linear, full) brings its own concepts.

            Examples:
              cones detect slides/ --model glip-tiny --concept cells.concept.safetensors -o found
              cones detect slides/ --model glip-tiny --concept cells.concept.safetensors --concept dust.concept.safetensors --classes "RBC, dust"
              cones detect slides/ --model cells-model
            """);
        command.Arguments.Add(s_images);
        s_model.AddTo(command);
        s_what.AddTo(command);
        foreach (var option in (Option[])[s_threshold, s_output, s_noPictures, s_strict, s_json]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var threshold = parsed.GetValue(s_threshold);
        if (threshold is not (>= 0 and <= 1)) throw new ConesException($"the threshold is {threshold}, 0 to 1 is possible (--threshold)");
        var model = s_model.Path(parsed);
        var images = PictureArguments.List(parsed.GetRequiredValue(s_images), parsed);
        s_what.RequireSome(parsed, model);
        var folder = PictureArguments.OutputFolder(parsed.GetRequiredValue(s_output));
        AtomicFile.RequireWritable(Path.Combine(folder, "detections.json"));

        using var stop = new StopSignal();
        using var scope = torch.NewDisposeScope();
        using var detector = s_model.Load(parsed);
        using var finder = s_what.Create(parsed, detector, model, []);
        var files = new FoundFiles(folder, !parsed.GetValue(s_noPictures));
        var pictures = new List<DetectReport.Picture>();
        var skipped = new List<string>();
        foreach (var (path, number) in images.Select((p, i) => (p, i + 1)))
        {
            // What was found until then is written.
            if (stop.Token.IsCancellationRequested) break;
            if (Find(finder, path, threshold, parsed.GetValue(s_strict), error) is not var (image, found))
            {
                skipped.Add(path);
                continue;
            }

            pictures.Add(new DetectReport.Picture(number, path, files.Add(number, path, image, found), [.. found.Select(DetectReport.Item.Of)]));
            if (!parsed.GetValue(s_json)) output.WriteLine(TextOutput.Plain($"{path}: {Counted(found)}"));
        }

        if (pictures.Count == 0 && skipped.Count > 0) throw new ConesException($"none of the {skipped.Count} pictures can be read: mend them, or name others");
        files.Complete();
        var report = new DetectReport(model, s_what.Concepts(parsed, model), finder.Names, files.ResultPath, files.TablePath, pictures, skipped, Math.Round(clock.Elapsed.TotalSeconds, 1));
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else output.WriteLine(TextOutput.Plain($"{files.ResultPath}, {files.TablePath}"));
        error.WriteLine($"{pictures.Sum(p => p.Objects.Count)} objects in {pictures.Count} picture{(pictures.Count == 1 ? "" : "s")} in {report.Seconds:0.0} s{(skipped.Count > 0 ? $"; {skipped.Count} left out" : "")}");
        if (!stop.Token.IsCancellationRequested) return ExitCodes.Success;
        error.WriteLine($"stopped after {pictures.Count} of {images.Length} pictures");
        return ExitCodes.Cancelled;
    }

    // Null for a picture that cannot be used.
    static (RgbImage Image, IReadOnlyList<FoundObject> Found)? Find(ObjectFinder finder, string path, double threshold, bool strict, TextWriter error)
    {
        try
        {
            var image = RgbImage.Load(path);
            return (image, [.. finder.Find(image).Where(f => f.Score >= threshold)]);
        }
        catch (ConesException e)
        {
            var message = e.Message.Contains(path, StringComparison.Ordinal) ? e.Message : $"{path}: {e.Message}";
            if (strict) throw new ConesException(message, e);
            error.WriteLine($"warning: {message}: left out");
            return null;
        }
    }

    static string Counted(IReadOnlyList<FoundObject> found) => found.Count == 0
        ? "nothing found"
        : string.Join(", ", found.GroupBy(f => f.Class).OrderBy(g => g.Key).Select(g => $"{g.Count()} x {g.First().Name}"));
}
