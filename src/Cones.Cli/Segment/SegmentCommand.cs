using System.CommandLine;
using System.Diagnostics;
using Cones.Cli.Options;
using Cones.Cli.Output;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Tasks.Segmentation;
using TorchSharp;

namespace Cones.Cli.Segment;

/// <summary><c>cones segment</c>: masks of concepts, of names, or of what boxes show.</summary>
static class SegmentCommand
{
    static readonly Argument<string[]> s_images = new("images") { Description = "Pictures, or folders of them.", Arity = ArgumentArity.OneOrMore };
    static readonly SegmenterOptionSet s_model = new();
    static readonly MaskFinderOptionSet s_what = new();
    static readonly BoxOptionSet s_boxes = new();
    static readonly Option<string[]> s_box = HandDrawnBoxes.Option();
    static readonly Option<double> s_threshold = new("--threshold") { Description = "Only objects of at least this score, 0 to 1: the box's times the mask's.", HelpName = "SCORE", DefaultValueFactory = _ => 0.3 };
    static readonly Option<string> s_output = new("--output", "-o") { Description = "Folder for pictures with masks, segmentations.json (COCO, run lengths), label images in labels/, and images.csv.", HelpName = "DIR", DefaultValueFactory = _ => "segmentations" };
    static readonly Option<bool> s_noPictures = new("--no-pictures") { Description = "Write no pictures with masks." };
    static readonly Option<bool> s_noLabels = new("--no-labels") { Description = "Write no label images." };
    static readonly Option<bool> s_json = new("--json") { Description = "Print the result as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "segment",
            """
            Segment concepts, or what names say (SAM 3), in pictures. SAM needs boxes, or a concept that was searched without (--no-boxes).

            Examples:
              cones segment photo.png --box 20,30,110,90
              cones segment slides/ --model sam3 --concept nuclei.concept.safetensors -o found
              cones segment slides/ --model sam-vit-base --concept nuclei.concept.safetensors --detector glip-tiny --detector-concept cells.concept.safetensors
            """);
        command.Arguments.Add(s_images);
        s_model.AddTo(command);
        s_what.AddTo(command);
        s_boxes.AddTo(command);
        command.Options.Add(s_box);
        foreach (var option in (Option[])[s_threshold, s_output, s_noPictures, s_noLabels, s_json]) command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var threshold = parsed.GetValue(s_threshold);
        if (threshold is not (>= 0 and <= 1)) throw new ConesException($"the threshold is {threshold}, 0 to 1 is possible (--threshold)");
        var images = PictureArguments.List(parsed.GetRequiredValue(s_images), parsed);
        var drawn = parsed.GetValue(s_box) ?? [];
        HandDrawnBoxes.Read(drawn.Select(d => d[(d.LastIndexOf('=') + 1)..]), [""]); // wrong ones are told before the model is loaded
        var (model, source) = (s_model.Path(parsed), s_boxes.Source(parsed));
        if (drawn.Length > 0) source = source is null ? BoxSource.Found : throw new ConesException("--box and other boxes say different things: leave one out");
        var folder = PictureArguments.OutputFolder(parsed.GetRequiredValue(s_output));

        using var stop = new StopSignal();
        using var scope = torch.NewDisposeScope();
        using var segmenter = s_model.Load(parsed);
        s_what.RequireSome(parsed, segmenter, source);
        var (finder, detector) = s_what.Create(parsed, segmenter, model, s_model.Loading(parsed), s_boxes, []);
        using var ownFinder = finder;
        using var ownDetector = detector;
        var own = HandDrawnBoxes.Read(drawn, finder.Names);
        var listed = source == BoxSource.Found && detector is null && own.Count == 0 ? BoxOptionSet.Read(s_boxes.File(parsed)!, finder.Names.Select((n, i) => (n, i)).ToDictionary(p => p.i + 1L, p => p.n)) : null;
        using var cache = new ImageEmbeddingCache(s_model.Cache(parsed), segmenter.Device, m => error.WriteLine($"warning: {m}"));
        var features = new ImageFeatures(segmenter, cache);
        using var files = new SegmentedFiles(folder, !parsed.GetValue(s_noPictures), !parsed.GetValue(s_noLabels));
        var (pictures, skipped, objects) = (new List<SegmentReport.Picture>(), new List<string>(), 0);
        foreach (var (path, number) in images.Select((p, i) => (p, i + 1)))
        {
            if (stop.Token.IsCancellationRequested) break;
            try
            {
                using var part = torch.NewDisposeScope();
                var image = RgbImage.Load(path);
                var boxes = own.Count > 0 ? own : detector?.Find(image) ?? (listed is null ? null : listed.GetValueOrDefault(number) ?? []);
                var found = finder.Find(features.Of(SegmentationImage.FromFile(path)), image.Size, boxes, threshold);
                var (picture, labels, warning) = files.Add(number, path, image, found);
                if (warning is not null) error.WriteLine($"warning: {warning}");
                objects += found.Count;
                var counts = found.GroupBy(f => f.Class).OrderBy(g => g.Key).ToDictionary(g => finder.Names[g.Key], g => g.Count());
                pictures.Add(new SegmentReport.Picture(number, path, picture, labels, counts));
                if (!parsed.GetValue(s_json)) output.WriteLine(TextOutput.Plain($"{path}: {(counts.Count == 0 ? "nothing found" : string.Join(", ", counts.Select(c => $"{c.Value} x {c.Key}")))}"));
            }
            catch (ConesException e)
            {
                // One picture that cannot be used costs no results of the others.
                skipped.Add(path);
                error.WriteLine($"cones: {e.Message}");
            }

            files.Flush();
        }

        files.Complete();
        var report = new SegmentReport(model, s_what.Concepts(parsed), finder.Names, files.ResultPath, files.TablePath, pictures, objects, skipped, Math.Round(clock.Elapsed.TotalSeconds, 1));
        if (parsed.GetValue(s_json)) JsonOutput.Write(output, report);
        else output.WriteLine(TextOutput.Plain($"{files.ResultPath}, {files.TablePath}"));
        error.WriteLine($"{objects} objects in {pictures.Count} pictures in {report.Seconds:0.0} s{(skipped.Count > 0 ? $"; {skipped.Count} pictures could not be used" : "")}");
        if (stop.Token.IsCancellationRequested && pictures.Count + skipped.Count < images.Length)
        {
            error.WriteLine($"stopped after {pictures.Count} of {images.Length} pictures, whose results are kept");
            return ExitCodes.Cancelled;
        }

        return skipped.Count > 0 ? ExitCodes.BadInput : ExitCodes.Success;
    }
}
