using System.CommandLine;
using Cones.Cli.Options;
using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;

namespace Cones.Cli.Search;

/// <summary>The options of <c>cones search detection</c> that say what is searched: data, classes, vectors.</summary>
sealed class DetectionOptionSet
{
    readonly DetectionDataOptionSet _data = new();
    readonly DetectorOptionSet _model = new();
    readonly Option<string> _method = new("--method") { Description = "concept: vectors of each class at the text encoder's output; offset: vectors added to the whole caption (GLIP's prompt tuning v2); pseudo-word: learned words instead of each name; soft-context: learned words before each name; text: the names, no search; linear: trains the last linear layers (GLIP's linear probe); full: trains all weights. linear and full write a model folder.", HelpName = "METHOD", DefaultValueFactory = _ => EnumNames<DetectionMethod>.Of(DetectionMethod.Concept) };
    readonly Option<string?> _from = new("--from", "--start") { Description = "A concept file to go on from (second stage) with concept, offset, linear or full.", HelpName = "FILE" };
    readonly Option<string[]> _classes = new("--classes") { Description = "Only these classes, separated by commas; name=words gives a class other words than its name.", HelpName = "NAMES" };
    readonly Option<string[]> _candidates = new("--candidates") { Description = "Words to choose from, name=words|other words, classes separated by commas: the ones with the lowest loss on the training images become the class's words.", HelpName = "WORDS" };
    readonly Option<int> _slots = new("--slots") { Description = "Slots of each class (concept; 0: as many as its name has tokens), learned words (pseudo-word; 0: 1. soft-context; 0: 4).", HelpName = "N", DefaultValueFactory = _ => 0 };
    readonly Option<string> _init = new("--init") { Description = "concept: what vectors start from. name: the name's encoding; random: random directions of the same norm; prototype: the mean of the class's regions in the training images.", HelpName = "KIND", DefaultValueFactory = _ => EnumNames<ClassInit>.Of(ClassInit.Name) };
    readonly Option<string> _background = new("--background") { Description = "concept: learned slots of no class. none, shared (some at the caption's end), per-class (some behind each class), caption (all that the caption has: separators, start, end).", HelpName = "KIND", DefaultValueFactory = _ => EnumNames<BackgroundKind>.Of(BackgroundKind.Caption) };
    readonly Option<int> _backgroundSlots = new("--background-slots") { Description = "Their number: in all, or of each class.", HelpName = "N", DefaultValueFactory = _ => 1 };
    readonly Option<double> _normBound = new("--norm-bound") { Description = "concept: largest norm of a vector, as a multiple of a name's; 0: none.", HelpName = "FACTOR", DefaultValueFactory = _ => 0 };
    readonly Option<bool> _flip = new("--flip") { Description = "Use mirrored training images too." };
    readonly Option<string?> _augment = new("--augment") { Description = "Changed training images: none, or reference (other sizes and mirrored, as the detector's own training). Default: reference for full, where every step sees new ones; none else.", HelpName = "KIND" };
    readonly Option<int> _views = new("--views") { Description = "Changed views of each image that are computed once and kept, beside the image itself (all methods but full). 0: 4 with --augment reference, else none.", HelpName = "K", DefaultValueFactory = _ => 0 };
    readonly Option<string?> _choose = new("--choose") { Description = "What decides which step is best, and when to stop early: ap (on the --val images) or loss. Default: ap with --val, else loss.", HelpName = "WHAT" };
    readonly Option<int> _memory = new("--feature-memory") { Description = "MB of image features to keep in memory; more go into a file in the run's folder.", HelpName = "MB", DefaultValueFactory = _ => 2048 };
    readonly SearchOptionSet _search = new(
        DetectionSearchOptions.DefaultSearch(DetectionMethod.Concept),
        "0.05 for concept and offset, 0.0001 for linear and full, 0.005 else",
        "0 for concept, 0.25 for offset, 0.05 for linear and full, 0.01 else",
        "constant");

    /// <summary>Adds the options to a command, in the order of its help.</summary>
    public void AddTo(Command command)
    {
        _data.AddFilesTo(command);
        _model.AddTo(command);
        foreach (var option in (Option[])[_method, _from, _classes, _candidates, _slots, _init, _background, _backgroundSlots, _normBound]) command.Options.Add(option);
        _data.AddTo(command);
        foreach (var option in (Option[])[_flip, _augment, _views, _choose, _memory]) command.Options.Add(option);
        _search.AddTo(command);
    }

    /// <summary>The method.</summary>
    /// <exception cref="ConesException">It is not known.</exception>
    public DetectionMethod Method(ParseResult parsed) => EnumNames<DetectionMethod>.Parse(parsed.GetRequiredValue(_method), "method", "--method");

    /// <summary>What was asked for; reads the data.</summary>
    /// <exception cref="ConesException">Something cannot be used; the message names the option.</exception>
    public DetectionSearchOptions Read(ParseResult parsed, TextWriter error)
    {
        var method = Method(parsed);
        var init = EnumNames<ClassInit>.Parse(parsed.GetRequiredValue(_init), "start", "--init");
        var background = EnumNames<BackgroundKind>.Parse(parsed.GetRequiredValue(_background), "kind of background", "--background");
        AugmentationKind? augmentation = parsed.GetValue(_augment) is { } kind ? EnumNames<AugmentationKind>.Parse(kind, "kind of change", "--augment") : null;
        StepChoice? choice = parsed.GetValue(_choose) is { } what ? EnumNames<StepChoice>.Parse(what, "choice", "--choose") : null;
        var search = _search.Read(parsed, DetectionSearchOptions.DefaultSearch(method));
        search.Validate();
        var (model, loading) = (_model.Path(parsed), _model.Loading(parsed));
        var (train, validation) = _data.Read(parsed, _search.GivenSeed(parsed), error);
        var options = new DetectionSearchOptions
        {
            Model = model,
            Device = loading.Device,
            Precision = loading.Type,
            Train = train,
            Validation = validation,
            Classes = parsed.GetValue(_classes) is { Length: > 0 } names ? FinderOptionSet.ParseClasses(names) : [],
            Candidates = ParseCandidates(parsed.GetValue(_candidates) ?? []),
            Method = method,
            From = parsed.GetValue(_from),
            Slots = parsed.GetValue(_slots),
            Init = init,
            Background = background,
            BackgroundCount = parsed.GetValue(_backgroundSlots),
            NormBound = parsed.GetValue(_normBound),
            Flip = parsed.GetValue(_flip),
            Augmentation = augmentation,
            Views = parsed.GetValue(_views),
            Choice = choice,
            FeatureMemoryBytes = (long)parsed.GetValue(_memory) << 20,
            Search = search,
        };
        options = options.WithStart();
        options.Validate();
        return options;
    }

    static Dictionary<string, IReadOnlyList<string>> ParseCandidates(IReadOnlyList<string> texts)
    {
        var candidates = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var text in texts.SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
        {
            var sides = text.Split('=', 2, StringSplitOptions.TrimEntries);
            string[] words = sides.Length == 2 ? sides[1].Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [];
            if (sides[0].Length == 0 || words.Length == 0) throw new ConesException($"'{text}' names no candidates: write name=words|other words (--candidates \"rbc=red blood cell|erythrocyte\")");
            if (!candidates.TryAdd(sides[0], words)) throw new ConesException($"the class '{sides[0]}' has candidates twice: name them together (--candidates)");
        }

        return candidates;
    }
}
