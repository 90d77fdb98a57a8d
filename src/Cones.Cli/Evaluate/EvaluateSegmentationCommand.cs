using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Tasks.Segmentation;
using TorchSharp;

namespace Cones.Cli.Evaluate;

/// <summary><c>cones evaluate segmentation</c>: COCO's average precision of masks, the Data Science Bowl's score and Dice.</summary>
static class EvaluateSegmentationCommand
{
    static readonly Option<string> s_data = new("--data") { Description = $"The images with their masks: {SegmentationData.Formats}", Required = true, HelpName = "PATH" };
    static readonly Option<string?> s_images = new("--images") { Description = "Folder of the images. Default: beside COCO's JSON.", HelpName = "DIR" };
    static readonly Option<string> s_class = SegmentationData.ClassOption();
    static readonly Option<string?> s_results = new("--results") { Description = "Score this list of COCO results instead of running a model.", HelpName = "FILE" };
    static readonly Option<bool> s_trueBoxes = new("--true-boxes") { Description = "The annotations' own boxes ask SAM for masks: what the masks are worth if detection were perfect." };
    static readonly Option<double> s_margin = BoxOptionSet.MarginOption();
    static readonly Option<double> s_threshold = new("--threshold") { Description = "The least score of the masks that DSB and Dice judge, which have no order; AP takes all.", HelpName = "SCORE", DefaultValueFactory = _ => 0.3 };
    static readonly Option<string?> s_output = new("--output", "-o") { Description = "Keep the masks as a list of COCO results.", HelpName = "FILE" };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };
    static readonly SegmenterOptionSet s_model = new();
    static readonly MaskFinderOptionSet s_what = new();
    static readonly BoxOptionSet s_boxes = new();

    public static Command Create()
    {
        var command = new Command(
            "segmentation",
            """
            Score masks: AP by COCO's rules, the score of the 2018 Data Science Bowl (DSB), and Dice. Of concepts, of names (SAM 3), of what
            boxes show (SAM), or of a result list.

            Example: cones evaluate segmentation --data test.json --images DIR --model sam-vit-base --concept nuclei.concept.safetensors --true-boxes
            """);
        foreach (var option in (Option[])[s_data, s_images, s_class]) command.Options.Add(option);
        s_model.AddTo(command);
        s_what.AddTo(command);
        s_boxes.AddTo(command);
        foreach (var option in (Option[])[s_trueBoxes, s_margin, s_results, s_threshold, s_output, s_json]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var (data, existing, threshold) = (parsed.GetRequiredValue(s_data), parsed.GetValue(s_results), parsed.GetValue(s_threshold));
        if (threshold is not (>= 0 and <= 1)) throw new ConesException($"the threshold is {threshold}, 0 to 1 is possible (--threshold)");
        var concepts = s_what.Concepts(parsed);
        var (source, margin) = (Source(parsed), parsed.GetValue(s_margin));
        SegmentationSearchOptions.RequireMargin(margin, source);
        if (existing is not null && (concepts.Count > 0 || source is not null))
            throw new ConesException("either results are scored (--results) or a model finds masks (--concept and boxes): leave one out");
        var model = existing is null ? s_model.Path(parsed) : null;
        if (parsed.GetValue(s_output) is { } target) AtomicFile.RequireWritable(target);
        // pycocotools judges no record either; a model needs image files that are there.
        var dataset = SegmentationData.Read(data, parsed.GetValue(s_images), parsed.GetRequiredValue(s_class), existing is null ? DataChecks.Skip : DataChecks.AsWritten, error);
        if (dataset.Images.Count == 0) throw new ConesException($"{data} holds no images: name a data set that does (--data)");

        var results = existing is null ? Find(parsed, model!, source, dataset, error) : CocoResultReader.Read(existing);
        if (results.FirstOrDefault(r => r.Segmentation?.Mask is { } m && dataset.FindImage(r.ImageId) is { } i && (m.Height, m.Width) != (i.Height, i.Width)) is { } wrong)
            throw new ConesException($"{existing} has a mask of {wrong.Segmentation!.Mask!.Width}x{wrong.Segmentation.Mask.Height} for image {wrong.ImageId} of {dataset.FindImage(wrong.ImageId)!.Width}x{dataset.FindImage(wrong.ImageId)!.Height}: are the results of these images? (--results)");
        var report = SegmentationEvaluationReport.Of(dataset, results, data, threshold) with
        {
            Model = model,
            Concepts = concepts.Count > 0 ? concepts : null,
            Boxes = source is { } known ? EnumNames<BoxSource>.Of(known) : null,
            BoxMargin = margin > 0 ? margin : null,
            Seconds = Math.Round(clock.Elapsed.TotalSeconds, 1),
        };
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else report.Print(TextOutput.Console(output));
        return ExitCodes.Success;
    }

    static BoxSource? Source(ParseResult parsed)
    {
        var source = s_boxes.Source(parsed);
        if (!parsed.GetValue(s_trueBoxes)) return source;
        return source is null ? BoxSource.Annotations : throw new ConesException("--true-boxes and other boxes say different things: leave one out");
    }

    static IReadOnlyList<CocoResult> Find(ParseResult parsed, string model, BoxSource? source, DetectionDataset dataset, TextWriter error)
    {
        using var stop = new StopSignal();
        using var scope = torch.NewDisposeScope();
        using var segmenter = s_model.Load(parsed);
        if (segmenter.PromptsAreObjects && source is null)
            throw new ConesException("this model segments what boxes show: name a detector (--detector), a list of boxes (--boxes), the annotations' own (--true-boxes), or a concept that was searched without (--no-boxes)");
        if (!segmenter.ReadsNames || s_what.Concepts(parsed).Count > 0) s_what.RequireSome(parsed, segmenter, source);
        var (finder, detector) = s_what.Create(parsed, segmenter, model, s_model.Loading(parsed), s_boxes, dataset.CategoryNames);
        using var ownFinder = finder;
        using var ownDetector = detector;
        var ids = dataset.Categories.GroupBy(c => c.Name).ToDictionary(g => g.Key, g => g.First().Id);
        if (!finder.Names.Any(ids.ContainsKey))
            throw new ConesException($"the data has none of the classes {string.Join(", ", finder.Names)}, but {string.Join(", ", ids.Keys.Take(20))}: name classes as the data does");
        foreach (var unknown in finder.Names.Where(n => !ids.ContainsKey(n))) error.WriteLine($"warning: the data has no class '{unknown}': it is not judged");

        var listed = source == BoxSource.Found && detector is null ? BoxOptionSet.Read(s_boxes.File(parsed)!, dataset.Categories.ToDictionary(c => c.Id, c => c.Name)) : null;
        using var cache = new ImageEmbeddingCache(s_model.Cache(parsed), segmenter.Device, m => error.WriteLine($"warning: {m}"));
        var features = new ImageFeatures(segmenter, cache);
        using var kept = parsed.GetValue(s_output) is { } path ? new CocoResultWriter(path) : null;
        var results = new List<CocoResult>();
        foreach (var result in DatasetMasks.Find(finder, features, dataset, Boxes))
        {
            results.Add(result);
            kept?.Add(result);
        }

        kept?.Complete();
        return results;

        IReadOnlyList<PromptBox>? Boxes(DatasetImage image)
        {
            stop.Token.ThrowIfCancellationRequested();
            return source switch
            {
                BoxSource.Annotations => DatasetMasks.TrueBoxes(dataset, image, parsed.GetValue(s_margin)),
                BoxSource.Found => detector?.Find(image.Load()) ?? listed!.GetValueOrDefault(image.Id) ?? [],
                _ => null,
            };
        }
    }
}
