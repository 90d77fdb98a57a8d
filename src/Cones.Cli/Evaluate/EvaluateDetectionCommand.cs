using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Voc;
using Cones.Evaluation.Coco;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;
using TorchSharp;

namespace Cones.Cli.Evaluate;

/// <summary><c>cones evaluate detection</c>: COCO's average precision of concepts, of names, or of a list of results.</summary>
static class EvaluateDetectionCommand
{
    static readonly Option<string> s_data = new("--data") { Description = "The annotated images: COCO's JSON, a Pascal VOC folder, a YOLO folder or its data.yaml.", Required = true, HelpName = "PATH" };
    static readonly Option<string?> s_split = new("--split") { Description = "The part of a VOC or YOLO data set. Default: VOC: all of it; YOLO: its val.", HelpName = "NAME" };
    static readonly Option<string?> s_images = new("--images") { Description = "Folder of the images. Default: where the format has them; of COCO beside the JSON file.", HelpName = "DIR" };
    static readonly Option<bool> s_strict = new("--strict") { Description = "Refuse data with a broken record instead of leaving the record out." };
    static readonly Option<bool> s_oneBased = new("--one-based") { Description = "Pascal VOC: corners are counted from 1 and belong to the box, as in the original challenge." };
    static readonly Option<string?> s_results = new("--results") { Description = "Score this list of COCO results instead of running a model.", HelpName = "FILE" };
    static readonly Option<string?> s_output = new("--output", "-o") { Description = "Keep the detections as a list of COCO results.", HelpName = "FILE" };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };
    static readonly DetectorOptionSet s_model = new();
    static readonly FinderOptionSet s_what = new();

    public static Command Create()
    {
        var command = new Command(
            "detection",
            """
            Score detections by COCO's rules: of concepts, of names (without --concept and --classes: those of the data), or of a result list.

            Example: cones evaluate detection --data val.json --images DIR --model glip-tiny --concept cells.concept.safetensors
            """);
        foreach (var option in (Option[])[s_data, s_split, s_images, s_strict, s_oneBased]) command.Options.Add(option);
        s_model.AddTo(command);
        s_what.AddTo(command);
        foreach (var option in (Option[])[s_results, s_output, s_json]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var data = parsed.GetRequiredValue(s_data);
        var existing = parsed.GetValue(s_results);
        var model = existing is null ? s_model.Path(parsed) : null;
        var concepts = s_what.Concepts(parsed, model);
        if (existing is not null && (concepts.Count > 0 || s_what.Classes(parsed) is not null))
            throw new ConesException("either results are scored (--results) or a model finds them (--concept, --classes): leave one out");
        if (parsed.GetValue(s_output) is { } target) AtomicFile.RequireWritable(target);
        var dataset = Read(parsed, data, existing is not null, error);

        var results = existing is null ? Find(parsed, model!, dataset, error) : CocoResultReader.Read(existing);
        if (parsed.GetValue(s_output) is { } path) CocoResultWriter.Write(results, path);
        var report = DetectionEvaluationReport.Of(CocoEvaluator.Evaluate(dataset, results), dataset, data, results.Count) with
        {
            Model = model,
            Concepts = concepts.Count > 0 ? concepts : null,
            Seconds = Math.Round(clock.Elapsed.TotalSeconds, 1),
        };
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else report.Print(TextOutput.Console(output));
        return ExitCodes.Success;
    }

    static DetectionDataset Read(ParseResult parsed, string data, bool isScored, TextWriter error)
    {
        // pycocotools judges no record either; a model needs image files that are there.
        var checks = parsed.GetValue(s_strict) ? DataChecks.Strict : isScored ? DataChecks.AsWritten : DataChecks.Skip;
        var options = new DataReadOptions { Checks = checks, ImageFolder = parsed.GetValue(s_images) };
        var split = parsed.GetValue(s_split) ?? DetectionData.JudgedSplit(data);
        var dataset = DetectionData.Read(data, split, options, new VocOptions { OneBased = parsed.GetValue(s_oneBased) }, error);
        if (dataset.Images.Count == 0) throw new ConesException($"{data} holds no usable images: name a data set that does (--data), or the folder of its images (--images)");
        // Names tell classes of concepts; in a list of results ids do.
        if (!isScored && dataset.Categories.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ConesException($"{data} has {twice.Count()} classes called '{twice.Key}' (ids {string.Join(", ", twice.Select(c => c.Id))}): give each a name of its own");
        return dataset;
    }

    static IReadOnlyList<CocoResult> Find(ParseResult parsed, string model, DetectionDataset dataset, TextWriter error)
    {
        using var stop = new StopSignal();
        using var scope = torch.NewDisposeScope();
        using var detector = s_model.Load(parsed);
        using var finder = s_what.Create(parsed, detector, model, [.. dataset.CategoryNames.Select(n => new ClassPrompt(n, n))]);
        var ids = dataset.Categories.ToDictionary(c => c.Name, c => c.Id);
        if (!finder.Names.Any(ids.ContainsKey))
            throw new ConesException($"the data has none of the classes {string.Join(", ", finder.Names)}, but {string.Join(", ", ids.Keys.Take(20))}: name classes as the data does (--classes name=words)");
        foreach (var unknown in finder.Names.Where(n => !ids.ContainsKey(n))) error.WriteLine($"warning: the data has no class '{unknown}': it is not judged");

        var results = new List<CocoResult>();
        foreach (var image in dataset.Images)
        {
            stop.Token.ThrowIfCancellationRequested();
            results.AddRange(finder.Find(image.Load()).Where(f => ids.ContainsKey(f.Name)).Select(f =>
                new CocoResult { ImageId = image.Id, CategoryId = ids[f.Name], Score = f.Score, Box = f.Box }));
        }

        return results;
    }
}
