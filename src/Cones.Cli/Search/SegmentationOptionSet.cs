using System.CommandLine;
using Cones.Cli.Options;
using Cones.Data;
using Cones.Data.FewShot;
using Cones.Models;
using Cones.Tasks.Detection;
using Cones.Tasks.Segmentation;

namespace Cones.Cli.Search;

/// <summary>The options of <c>cones search segmentation</c> that say what is searched: data, classes, tokens, boxes.</summary>
sealed class SegmentationOptionSet
{
    readonly Option<string> _data = new("--data") { Description = $"The training images with their masks: {SegmentationData.Formats}", Required = true, HelpName = "PATH" };
    readonly Option<string?> _images = new("--images") { Description = "Folder of the training images. Default: beside COCO's JSON.", HelpName = "DIR" };
    readonly Option<string?> _val = new("--val") { Description = "Images with masks that decide which step is best. Default: the training images.", HelpName = "PATH" };
    readonly Option<string?> _valImages = new("--val-images") { Description = "Folder of the --val images. Default: that of --images.", HelpName = "DIR" };
    readonly Option<string?> _valBoxes = new("--val-boxes") { Description = "As --boxes, for the --val images.", HelpName = "FILE" };
    readonly Option<string> _class = SegmentationData.ClassOption();
    readonly Option<int> _shots = new("--shots") { Description = "Use only so many training images a class, by GLIP's rule; 0: all.", HelpName = "K", DefaultValueFactory = _ => 0 };
    readonly Option<long> _shotSeed = new("--shot-seed") { Description = "Seed of --shots; published subsets have 3, 30 and 300.", HelpName = "S", DefaultValueFactory = _ => 3 };
    readonly Option<bool> _strict = new("--strict") { Description = "Refuse data with a broken record instead of leaving the record out." };
    readonly Option<string[]> _classes = new("--classes") { Description = "Only these classes, separated by commas; name=words gives a class other words than its name (SAM 3).", HelpName = "NAMES" };
    readonly Option<double> _margin = BoxOptionSet.MarginOption();
    readonly Option<string> _method = new("--method") { Description = "concept (tokens of each class: behind the box's for SAM, in place of the encoded name for SAM 3), offset and pseudo-word (SAM 3: vectors added to the encoded name; learned words instead of it), text (names or boxes alone, no search), full (the model's own weights).", HelpName = "METHOD", DefaultValueFactory = _ => EnumNames<SegmentationMethod>.Of(SegmentationMethod.Concept) };
    readonly Option<string?> _start = new("--start", "--from") { Description = "A concept file to go on from (second stage): concept searches its tokens on, full tunes the weights with them.", HelpName = "FILE" };
    readonly Option<int> _slots = new("--slots") { Description = "Tokens of each class (concept; 0: 2 for SAM, as many as the name has for SAM 3), learned words (pseudo-word; 0: 1).", HelpName = "N", DefaultValueFactory = _ => 0 };
    readonly Option<string> _init = new("--init") { Description = "concept: what tokens start from: neutral (the encoded name, or SAM's token of no point), random.", HelpName = "KIND", DefaultValueFactory = _ => EnumNames<TokenInit>.Of(TokenInit.Neutral) };
    readonly Option<string> _loss = new("--mask-loss") { Description = "SAM: focal (20 : dice 1, as published), cross-entropy (2 : dice 1; better for objects of few pixels on the model's grid).", HelpName = "KIND", DefaultValueFactory = _ => EnumNames<MaskLossKind>.Of(MaskLossKind.Focal) };
    readonly Option<bool> _encoder = new("--tune-encoder") { Description = "full: tune the image encoder too; nothing is cached then." };
    readonly Option<int> _objects = new("--objects") { Description = "SAM: most objects of an image in a micro-batch.", HelpName = "N", DefaultValueFactory = _ => 8 };
    readonly Option<int> _evaluationObjects = new("--evaluation-objects") { Description = "SAM: most objects of an image in the evaluation batch.", HelpName = "N", DefaultValueFactory = _ => 16 };
    readonly Option<string?> _choose = new("--choose") { Description = "What decides which step is best, and when to stop early: ap (of masks, on the --val images) or loss. Default: ap with --val, else loss.", HelpName = "WHAT" };
    readonly Option<bool> _flip = new("--flip") { Description = "Use mirrored training images too." };
    readonly SegmenterOptionSet _model = new();
    readonly BoxOptionSet _boxes = new();
    readonly SearchOptionSet _search = new(SegmentationSearchOptions.DefaultSearch(SegmentationMethod.Concept), "0.05 for concept and offset, 0.005 for pseudo-word, 0.0001 for full", "0 for concept and offset, 0.01 else", "constant");

    /// <summary>Adds the options to a command, in the order of its help.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_data, _images, _val, _valImages, _class]) command.Options.Add(option);
        _model.AddTo(command);
        _boxes.AddTo(command);
        foreach (var option in (Option[])[_valBoxes, _margin, _method, _start, _classes, _slots, _init, _loss, _encoder, _objects, _evaluationObjects, _choose, _shots, _shotSeed, _flip, _strict]) command.Options.Add(option);
        _search.AddTo(command);
    }

    /// <summary>What was asked for; reads the data, and finds boxes where a detector is to.</summary>
    /// <exception cref="ConesException">Something cannot be used; the message names the option.</exception>
    public SegmentationSearchOptions Read(ParseResult parsed, TextWriter error, CancellationToken cancellation)
    {
        var method = EnumNames<SegmentationMethod>.Parse(parsed.GetRequiredValue(_method), "method", "--method");
        var init = EnumNames<TokenInit>.Parse(parsed.GetRequiredValue(_init), "start", "--init");
        var shots = parsed.GetValue(_shots);
        if (shots < 0) throw new ConesException($"{shots} shots asked for, at least 0 are needed (--shots; 0: all images)");
        if (parsed.GetValue(_encoder) && method != SegmentationMethod.Full) throw new ConesException("the image encoder is tuned by the method full only (--tune-encoder)");
        var (model, loading, source) = (_model.Path(parsed), _model.Loading(parsed), _boxes.Source(parsed) ?? BoxSource.Annotations);
        var checks = parsed.GetValue(_strict) ? DataChecks.Strict : DataChecks.Skip;
        var train = Data(parsed, parsed.GetRequiredValue(_data), parsed.GetValue(_images), checks, error);
        var val = parsed.GetValue(_val) is { } path ? Data(parsed, path, parsed.GetValue(_valImages) ?? parsed.GetValue(_images), checks, error) : null;
        var options = new SegmentationSearchOptions
        {
            Model = model,
            Device = loading.Device,
            Precision = loading.Type,
            Train = shots > 0 ? FewShotSubset.Select(train, shots, parsed.GetValue(_shotSeed)) : train,
            Validation = val,
            Classes = parsed.GetValue(_classes) is { Length: > 0 } names ? FinderOptionSet.ParseClasses(names) : [],
            Method = method,
            Start = parsed.GetValue(_start),
            Slots = parsed.GetValue(_slots),
            Init = init,
            Boxes = source,
            BoxMargin = parsed.GetValue(_margin),
            MaskLoss = EnumNames<MaskLossKind>.Parse(parsed.GetRequiredValue(_loss), "loss", "--mask-loss"),
            ObjectsPerImage = parsed.GetValue(_objects),
            EvaluationObjects = parsed.GetValue(_evaluationObjects),
            Choice = parsed.GetValue(_choose) is { } what ? EnumNames<StepChoice>.Parse(what, "choice", "--choose") : null,
            Flip = parsed.GetValue(_flip),
            TuneEncoder = parsed.GetValue(_encoder),
            Cache = _model.Cache(parsed),
            Search = _search.Read(parsed, SegmentationSearchOptions.DefaultSearch(method)),
        };
        options.Validate();
        return source == BoxSource.Found ? options with { Found = Boxes(parsed, options, error, cancellation) } : options;
    }

    DetectionDataset Data(ParseResult parsed, string path, string? images, DataChecks checks, TextWriter error) =>
        SegmentationData.Read(path, images, parsed.GetRequiredValue(_class), checks, error);

    (IReadOnlyDictionary<long, IReadOnlyList<PromptBox>> Train, IReadOnlyDictionary<long, IReadOnlyList<PromptBox>>? Validation) Boxes(
        ParseResult parsed, SegmentationSearchOptions options, TextWriter error, CancellationToken cancellation)
    {
        var valFile = parsed.GetValue(_valBoxes);
        if (options.Validation is not null && !_boxes.HasDetector(parsed) && valFile is null)
            throw new ConesException("the boxes of the --val images are not known: name their list (--val-boxes), or a detector (--detector)");
        return (Of(options.Train, _boxes.File(parsed)), options.Validation is { } val ? Of(val, valFile) : null);

        IReadOnlyDictionary<long, IReadOnlyList<PromptBox>> Of(DetectionDataset data, string? file) =>
            _boxes.Of(parsed, data, file, _model.Loading(parsed), line => error.WriteLine($"{line} ..."), cancellation);
    }
}
