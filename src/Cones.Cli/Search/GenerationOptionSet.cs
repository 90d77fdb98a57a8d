using System.CommandLine;
using Cones.Cli.Options;
using Cones.Models;
using Cones.Prompts;
using Cones.Search;
using Cones.Search.Schedules;
using Cones.Tasks.Generation;

namespace Cones.Cli.Search;

/// <summary>The options of <c>cones search generation</c> that say what is searched: pictures, words, vectors.</summary>
sealed class GenerationOptionSet
{
    static readonly GenerationSearchOptions s_defaults = new() { Model = "", Images = [] };

    readonly Option<string> _images = new("--images") { Description = "Folder with a few pictures of the thing (a picture may have a caption file of its name, .txt, with {} for the thing).", Required = true, HelpName = "DIR" };
    readonly Option<string> _name = new("--name") { Description = "The word that stands for the thing in prompts.", HelpName = "NAME", DefaultValueFactory = _ => s_defaults.Name };
    readonly Option<string[]> _init = new("--init") { Description = "Words to start from, such as dog or \"red apple\"; several candidates are separated by commas. Default: the best of a list of common things.", HelpName = "WORDS" };
    readonly Option<string> _initKind = new("--init-kind") { Description = "What the words become. best: of several the one with the lowest evaluation loss; nearby: as best, with words of similar meaning; mean: their mean; text: the encoding of the words alone; random: random vectors of a word's norm.", HelpName = "KIND", DefaultValueFactory = _ => InitKinds.NameOf(s_defaults.InitKind) };
    readonly Option<string> _method = new("--method") { Description = "concept (vectors at the text encoder's output), pseudo-word (textual inversion), words (no gradient), text, full (trains the denoiser).", HelpName = "METHOD", DefaultValueFactory = _ => GenerationMethods.NameOf(s_defaults.Method) };
    readonly Option<string> _rule = new("--rule") { Description = $"Where the vectors go: {string.Join(", ", SlotRules.Names)}.", HelpName = "RULE", DefaultValueFactory = _ => SlotRules.NameOf(s_defaults.Rule) };
    readonly Option<int> _slots = new("--slots") { Description = "Slots of the concept; 0: as many as the start words have tokens.", HelpName = "N", DefaultValueFactory = _ => s_defaults.Slots };
    readonly Option<bool> _shared = new("--shared") { Description = "One set of vectors for all cross-attention layers, instead of one for each (P+): a smaller file that other programs can read, slower to converge." };
    readonly Option<double> _normBound = new("--norm-bound") { Description = "Largest norm of a vector, as a multiple of a word's; 0: none.", HelpName = "FACTOR", DefaultValueFactory = _ => s_defaults.NormBound };
    readonly Option<string?> _start = new("--start") { Description = "A concept to go on from (second stage).", HelpName = "FILE" };
    readonly Option<string?> _masks = new("--masks") { Description = "Folder of masks named as the pictures (white: the thing).", HelpName = "DIR" };
    readonly Option<string?> _templates = new("--templates") { Description = "'object', 'style', or a file with one prompt a line and {} for the thing. Default: the model's own, else object.", HelpName = "WHICH" };
    readonly Option<int> _resolution = new("--resolution") { Description = "Side in pixels; 0: the model's own.", HelpName = "PIXELS", DefaultValueFactory = _ => s_defaults.Resolution };
    readonly Option<bool> _noFlip = new("--no-flip") { Description = "Do not use mirrored pictures." };
    readonly Option<int> _crops = new("--crops") { Description = "Random crops a picture beside the whole.", HelpName = "N", DefaultValueFactory = _ => s_defaults.Crops };
    readonly Option<int> _batch = new("--batch") { Description = "Pictures of a micro-batch.", HelpName = "N", DefaultValueFactory = _ => s_defaults.BatchSize };
    readonly Option<int> _evaluation = new("--evaluation-batch") { Description = "Pictures of the frozen evaluation batch.", HelpName = "N", DefaultValueFactory = _ => s_defaults.EvaluationRows };
    readonly Option<string> _timesteps = new("--timesteps") { Description = $"How timesteps are drawn: {EnumNames<TimestepSampling>.All}.", HelpName = "HOW", DefaultValueFactory = _ => EnumNames<TimestepSampling>.Of(s_defaults.Timesteps) };
    readonly Option<double> _minSnr = new("--min-snr-gamma") { Description = "Min-SNR weighting of the loss; 0: none.", HelpName = "GAMMA", DefaultValueFactory = _ => s_defaults.MinSnrGamma };
    readonly Option<int> _latentMemory = new("--latent-memory") { Description = "MB of the pictures' latents to keep in memory; more go into a file in the run's folder.", HelpName = "MB", DefaultValueFactory = _ => (int)(s_defaults.LatentMemoryBytes >> 20) };
    readonly ModelOptionSet _model = new();
    readonly SearchOptionSet _search = new(s_defaults.Search, $"{s_defaults.Search.Optimizer.LearningRate} for concept, 5e-4 for pseudo-word, 1e-5 for full");

    /// <summary>Adds the options to a command, in the order of its help.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_images);
        _model.AddTo(command);
        foreach (var option in (Option[])[_name, _init, _initKind, _method, _rule, _slots, _shared, _normBound, _start, _masks, _templates, _resolution, _noFlip, _crops, _batch, _evaluation, _timesteps, _minSnr, _latentMemory])
            command.Options.Add(option);
        _search.AddTo(command);
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="ConesException">Something cannot be used; the message names the option.</exception>
    public GenerationSearchOptions Read(ParseResult parsed)
    {
        var method = GenerationMethods.Find(parsed.GetRequiredValue(_method))
            ?? throw new ConesException($"the method '{parsed.GetValue(_method)}' is not known: {string.Join(", ", GenerationMethods.Names)} (--method)");
        var rule = SlotRules.Find(parsed.GetRequiredValue(_rule))
            ?? throw new ConesException($"the rule '{parsed.GetValue(_rule)}' is not known: {string.Join(", ", SlotRules.Names)} (--rule)");
        var kind = InitKinds.Find(parsed.GetRequiredValue(_initKind))
            ?? throw new ConesException($"the kind of start '{parsed.GetValue(_initKind)}' is not known: {string.Join(", ", InitKinds.Names)} (--init-kind)");
        var loading = _model.Loading(parsed);
        string[] words = [.. (parsed.GetValue(_init) ?? []).SelectMany(w => w.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        if (words.Length == 0 && parsed.GetValue(_init) is { Length: > 0 })
            throw new ConesException("no words given: name some that describe the thing roughly (--init dog), or leave --init out");
        var options = s_defaults with
        {
            Model = _model.Folder(parsed),
            Device = loading.Device,
            Precision = loading.Type,
            Images = TrainingViews.ListImages(parsed.GetRequiredValue(_images)),
            Masks = parsed.GetValue(_masks),
            Name = parsed.GetRequiredValue(_name),
            Init = words,
            InitKind = kind,
            Method = method,
            Rule = rule,
            Slots = parsed.GetValue(_slots),
            PerLayer = !parsed.GetValue(_shared),
            NormBound = parsed.GetValue(_normBound),
            Resolution = parsed.GetValue(_resolution),
            Flip = !parsed.GetValue(_noFlip),
            Crops = parsed.GetValue(_crops),
            Templates = Templates(parsed.GetValue(_templates)),
            BatchSize = parsed.GetValue(_batch),
            EvaluationRows = parsed.GetValue(_evaluation),
            Timesteps = EnumNames<TimestepSampling>.Parse(parsed.GetRequiredValue(_timesteps), "drawing of timesteps", "--timesteps"),
            MinSnrGamma = parsed.GetValue(_minSnr),
            StartConcept = parsed.GetValue(_start),
            LatentMemoryBytes = (long)parsed.GetValue(_latentMemory) << 20,
            Search = _search.Read(parsed, DefaultsOf(method)),
        };
        options.Validate();
        return options;
    }

    /// <summary>The prompts of a list's name or of a file.</summary>
    public static IReadOnlyList<string>? Templates(string? which) => which switch
    {
        null => null,
        "object" => PromptTemplates.Object,
        "style" => PromptTemplates.Style,
        _ => PromptTemplates.FromFile(which),
    };

    // Other methods move other numbers: what was measured for concepts does not hold for them.
    static SearchOptions DefaultsOf(GenerationMethod method)
    {
        var defaults = s_defaults.Search;
        if (method is not (GenerationMethod.PseudoWord or GenerationMethod.Full)) return defaults;
        return defaults with
        {
            Optimizer = defaults.Optimizer with { LearningRate = method == GenerationMethod.Full ? 1e-5 : 5e-4, WeightDecay = 1e-2 },
            Schedule = new ScheduleOptions(),
        };
    }
}
