using System.CommandLine;
using Cones.Cli.Options;
using Cones.Data;
using Cones.Data.FewShot;
using Cones.Models;
using Cones.Tasks.Detection;

namespace Cones.Cli.Search;

/// <summary>The options of <c>cones search detection</c> that say what is searched: data, classes, vectors.</summary>
sealed class DetectionOptionSet
{
    readonly Option<string> _data = new("--data") { Description = "The annotated training images: COCO's JSON.", Required = true, HelpName = "FILE" };
    readonly Option<string?> _images = new("--images") { Description = "Folder of the training images. Default: beside the JSON file.", HelpName = "DIR" };
    readonly Option<string?> _val = new("--val") { Description = "Annotated images that decide which step is best. Default: the training images, by their loss.", HelpName = "FILE" };
    readonly Option<string?> _valImages = new("--val-images") { Description = "Folder of the --val images. Default: that of --images.", HelpName = "DIR" };
    readonly Option<string> _select = new("--select-by") { Description = "What decides which step is best, and when to stop: ap (average precision on the --val images), loss (their mean loss).", HelpName = "SCORE", DefaultValueFactory = _ => EnumNames<StepSelection>.Of(StepSelection.Ap) };
    readonly Option<int> _shots = new("--shots") { Description = "Use only so many training images a class, by GLIP's rule; 0: all.", HelpName = "K", DefaultValueFactory = _ => 0 };
    readonly Option<long> _shotSeed = new("--shot-seed") { Description = "Seed of --shots; published subsets have 3, 30 and 300.", HelpName = "S", DefaultValueFactory = _ => 3 };
    readonly Option<bool> _strict = new("--strict") { Description = "Refuse data with a broken record instead of leaving the record out." };
    readonly Option<string[]> _classes = new("--classes") { Description = "Only these classes, separated by commas; name=words gives a class other words than its name.", HelpName = "NAMES" };
    readonly Option<string> _method = new("--method") { Description = "concept (vectors of each class at the text encoder's output), offset (GLIP's prompt tuning v2: vectors added to the whole caption), pseudo-word (learned words instead of each name), soft-context (learned words before each name), text (the names, no search).", HelpName = "METHOD", DefaultValueFactory = _ => EnumNames<DetectionMethod>.Of(DetectionMethod.Concept) };
    readonly Option<int> _slots = new("--slots") { Description = "Slots of each class (concept; 0: as many as its name has tokens), learned words (pseudo-word; 0: 1. soft-context; 0: 4).", HelpName = "N", DefaultValueFactory = _ => 0 };
    readonly Option<string> _init = new("--init") { Description = "concept: what vectors start from: name (the name's encoding), random (of the same norm).", HelpName = "KIND", DefaultValueFactory = _ => EnumNames<ClassInit>.Of(ClassInit.Name) };
    readonly Option<bool> _flip = new("--flip") { Description = "Use mirrored training images too." };
    readonly Option<int> _memory = new("--feature-memory") { Description = "MB of image features to keep in memory; more go into a file in the run's folder.", HelpName = "MB", DefaultValueFactory = _ => 2048 };
    readonly DetectorOptionSet _model = new();
    readonly SearchOptionSet _search = new(DetectionSearchOptions.DefaultSearch(DetectionMethod.Concept), "0.05 for concept and offset, 0.005 else", "0 for concept, 0.25 for offset, 0.01 else", "constant");

    /// <summary>Adds the options to a command, in the order of its help.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_data, _images, _val, _valImages, _select]) command.Options.Add(option);
        _model.AddTo(command);
        foreach (var option in (Option[])[_method, _classes, _slots, _init, _shots, _shotSeed, _flip, _strict, _memory]) command.Options.Add(option);
        _search.AddTo(command);
    }

    /// <summary>What was asked for; reads the data.</summary>
    /// <exception cref="ConesException">Something cannot be used; the message names the option.</exception>
    public DetectionSearchOptions Read(ParseResult parsed, TextWriter error)
    {
        var method = EnumNames<DetectionMethod>.Parse(parsed.GetRequiredValue(_method), "method", "--method");
        var init = EnumNames<ClassInit>.Parse(parsed.GetRequiredValue(_init), "start", "--init");
        var shots = parsed.GetValue(_shots);
        if (shots < 0) throw new ConesException($"{shots} shots asked for, at least 0 are needed (--shots; 0: all images)");
        var model = _model.Path(parsed);
        var checks = parsed.GetValue(_strict) ? DataChecks.Strict : DataChecks.Skip;
        var train = DetectionData.Read(parsed.GetRequiredValue(_data), parsed.GetValue(_images), checks, error);
        var options = new DetectionSearchOptions
        {
            Model = model,
            Device = _model.Device(parsed),
            Train = shots > 0 ? FewShotSubset.Select(train, shots, parsed.GetValue(_shotSeed)) : train,
            Validation = parsed.GetValue(_val) is { } val ? DetectionData.Read(val, parsed.GetValue(_valImages) ?? parsed.GetValue(_images), checks, error) : null,
            Classes = parsed.GetValue(_classes) is { Length: > 0 } names ? FinderOptionSet.ParseClasses(names) : [],
            SelectBy = EnumNames<StepSelection>.Parse(parsed.GetRequiredValue(_select), "score", "--select-by"),
            Method = method,
            Slots = parsed.GetValue(_slots),
            Init = init,
            Flip = parsed.GetValue(_flip),
            FeatureMemoryBytes = (long)parsed.GetValue(_memory) << 20,
            Search = _search.Read(parsed, DetectionSearchOptions.DefaultSearch(method)),
        };
        options.Validate();
        return options;
    }
}
