using System.CommandLine;
using Cones.Concepts;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Prompts;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Runs;
using Cones.Search.Schedules;
using Cones.Tasks.Generation;

namespace Cones.Cli.Search;

/// <summary><c>cones search generation</c>: from pictures of a thing to a concept that a text-to-image model draws.</summary>
static class SearchGenerationCommand
{
    static readonly GenerationSearchOptions s_defaults = new() { Model = "", Images = [] };

    static readonly Option<string> s_images = new("--images") { Description = "Folder with a few pictures of the thing (a picture may have a caption file of its name, .txt, with {} for the thing).", Required = true, HelpName = "DIR" };
    static readonly Option<string?> s_model = new("--model") { Description = "Folder (diffusers layout) or Hugging Face id of the text-to-image model. Default: the embedded small model.", HelpName = "MODEL" };
    static readonly Option<string> s_output = new("--output", "-o") { Description = "The concept file to write.", HelpName = "FILE", DefaultValueFactory = _ => "concept" + ConceptFile.Extension };
    static readonly Option<string> s_name = new("--name") { Description = "The word that stands for the thing in prompts.", HelpName = "NAME", DefaultValueFactory = _ => "<concept>" };
    static readonly Option<string[]> s_init = new("--init") { Description = "Word(s) to start from; of several the best by the evaluation loss is taken.", HelpName = "WORDS", AllowMultipleArgumentsPerToken = true };
    static readonly Option<InitKind> s_initKind = new("--init-kind") { Description = "What several words become: BestWord, Mean; or Random.", DefaultValueFactory = _ => s_defaults.InitKind };
    static readonly Option<string> s_method = new("--method") { Description = "concept, pseudo-word (textual inversion), words (no gradient), text, full (trains the denoiser).", DefaultValueFactory = _ => "concept" };
    static readonly Option<string> s_rule = new("--rule") { Description = $"Where the vectors go: {string.Join(", ", SlotRules.Names)}.", DefaultValueFactory = _ => SlotRules.NameOf(s_defaults.Rule) };
    static readonly Option<int> s_slots = new("--slots") { Description = "Slots of the concept; 0: as many as the start words have tokens.", DefaultValueFactory = _ => s_defaults.Slots };
    static readonly Option<bool> s_shared = new("--shared") { Description = "One set of vectors for all cross-attention layers, instead of one for each (P+): a smaller file, slower to converge." };
    static readonly Option<double> s_normBound = new("--norm-bound") { Description = "Largest norm of a vector, as a multiple of a word's; 0: none.", DefaultValueFactory = _ => s_defaults.NormBound };
    static readonly Option<string?> s_masks = new("--masks") { Description = "Folder of masks named as the pictures (white: the thing).", HelpName = "DIR" };
    static readonly Option<string?> s_templates = new("--templates") { Description = "'object', 'style', or a file with one prompt a line and {} for the thing.", HelpName = "WHICH" };
    static readonly Option<int> s_resolution = new("--resolution") { Description = "Side in pixels; 0: the model's own.", DefaultValueFactory = _ => s_defaults.Resolution };
    static readonly Option<bool> s_noFlip = new("--no-flip") { Description = "Do not use mirrored pictures." };
    static readonly Option<int> s_crops = new("--crops") { Description = "Random crops a picture beside the whole.", DefaultValueFactory = _ => s_defaults.Crops };
    static readonly Option<int> s_steps = new("--steps") { Description = "The most optimiser steps.", DefaultValueFactory = _ => s_defaults.Search.Steps };
    static readonly Option<double?> s_rate = new("--lr") { Description = $"Learning rate. Default: {s_defaults.Search.Optimizer.LearningRate} for concept, 5e-4 for pseudo-word, 1e-5 for full." };
    static readonly Option<int> s_batch = new("--batch") { Description = "Pictures a step.", DefaultValueFactory = _ => s_defaults.BatchSize };
    static readonly Option<int> s_accumulate = new("--accumulate") { Description = "Micro-batches a step.", DefaultValueFactory = _ => 1 };
    static readonly Option<double> s_minSnr = new("--min-snr") { Description = "Gamma of min-SNR weighting; 0: plain loss.", DefaultValueFactory = _ => 0 };
    static readonly Option<string> s_stop = new("--early-stop") { Description = "none, variance (DVAR) or plateau.", DefaultValueFactory = _ => "none" };
    static readonly Option<long> s_seed = new("--seed") { Description = "The same seed gives the same concept file.", DefaultValueFactory = _ => 0 };
    static readonly Option<string?> s_start = new("--start") { Description = "A concept to go on from (second stage).", HelpName = "FILE" };
    static readonly Option<string?> s_run = new("--run") { Description = "The run's folder: metrics, checkpoints, previews. A stopped search goes on from it. Default: the output's name with .run.", HelpName = "DIR" };
    static readonly Option<int> s_previews = new("--preview-every") { Description = "Steps between preview pictures; 0: at the end only.", DefaultValueFactory = _ => 0 };
    static readonly Option<bool> s_restart = new("--restart") { Description = "Start anew even if the run's folder holds a search." };

    public static Command Create()
    {
        var command = new Command("generation", "Find a concept that a text-to-image model draws.");
        foreach (var option in (Option[])[s_images, s_model, s_output, s_name, s_init, s_initKind, s_method, s_rule, s_slots, s_shared, s_normBound, s_masks, s_templates, s_resolution, s_noFlip, s_crops, s_steps, s_rate, s_batch, s_accumulate, s_minSnr, s_stop, s_seed, s_start, s_run, s_previews, s_restart])
            command.Options.Add(option);
        command.SetAction(Execute);
        return command;
    }

    static int Execute(ParseResult parsed)
    {
        var output = parsed.GetRequiredValue(s_output);
        if (Directory.Exists(output)) throw new ConesException($"{output} is a folder: name a file (--output)");
        var options = Options(parsed);
        options.Validate();
        var runPath = parsed.GetValue(s_run) ?? RunPathFor(output);
        if (parsed.GetValue(s_restart) && Directory.Exists(runPath)) Directory.Delete(runPath, recursive: true);

        using var cancellation = new CancellationTokenSource();
        ConsoleCancelEventHandler stop = (_, e) =>
        {
            e.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        };
        Console.CancelKeyPress += stop;
        try
        {
            using var folder = RunFolder.Open(runPath, RunStart.ResumeOrNew, GenerationSearch.Describe(options));
            var error = parsed.InvocationConfiguration.Error;
            var progress = new SearchProgress(error);
            using var previews = new PreviewPictures(options);
            using var result = progress.Run(() => GenerationSearch.Run(options, folder, progress, progress.Stage, previews.Write, cancellation.Token));
            if (result.Search?.Reason == StopReason.Cancelled)
            {
                error.WriteLine($"stopped at step {result.Search.Step}; the same command goes on from there");
                return ExitCodes.Cancelled;
            }

            if (result.Search?.Reason == StopReason.NonFinite) throw new ConesException(result.Search.Message);
            result.Concept.Save(output);
            var comparison = Path.ChangeExtension(RunPathFor(output), ".png");
            Report(parsed.InvocationConfiguration.Output, options, result, output, runPath, previews.SaveComparison(comparison) ? comparison : null);
            return ExitCodes.Success;
        }
        finally
        {
            Console.CancelKeyPress -= stop;
        }
    }

    static void Report(TextWriter output, GenerationSearchOptions options, GenerationSearchResult result, string path, string runPath, string? comparison)
    {
        foreach (var (word, loss) in result.Candidates.OrderBy(c => c.Value).Take(5)) output.WriteLine($"  {word,-20} {loss:0.0000}");
        output.WriteLine($"evaluation loss {result.StartLoss:0.0000} ('{result.BaseText}') -> {result.BestLoss:0.0000}");
        output.WriteLine($"{path} ({new FileInfo(path).Length} bytes); run in {runPath}");
        if (comparison is not null) output.WriteLine($"{comparison}: before (above) and after (below)");
        output.WriteLine($"try: cones generate \"a picture of {options.Name}\" --concept {path}");
    }

    static string RunPathFor(string output)
    {
        var name = output.EndsWith(ConceptFile.Extension, StringComparison.Ordinal) ? output[..^ConceptFile.Extension.Length] : output;
        return name + ".run";
    }

    static GenerationSearchOptions Options(ParseResult parsed)
    {
        var method = parsed.GetRequiredValue(s_method) switch
        {
            "concept" => GenerationMethod.Concept,
            "pseudo-word" => GenerationMethod.PseudoWord,
            "words" => GenerationMethod.Words,
            "text" => GenerationMethod.Text,
            "full" => GenerationMethod.Full,
            var other => throw new ConesException($"the method '{other}' is not known: concept, pseudo-word, words, text or full (--method)"),
        };
        var rule = SlotRules.Find(parsed.GetRequiredValue(s_rule))
            ?? throw new ConesException($"the rule '{parsed.GetValue(s_rule)}' is not known: {string.Join(", ", SlotRules.Names)} (--rule)");
        var stop = parsed.GetRequiredValue(s_stop) switch
        {
            "none" => EarlyStopKind.None,
            "variance" => EarlyStopKind.Variance,
            "plateau" => EarlyStopKind.Plateau,
            var other => throw new ConesException($"the stopping rule '{other}' is not known: none, variance or plateau (--early-stop)"),
        };
        var rate = parsed.GetValue(s_rate) ?? method switch
        {
            GenerationMethod.PseudoWord => 5e-4,
            GenerationMethod.Full => 1e-5,
            _ => s_defaults.Search.Optimizer.LearningRate,
        };
        var search = s_defaults.Search with
        {
            Steps = parsed.GetValue(s_steps),
            Accumulate = parsed.GetValue(s_accumulate),
            Seed = parsed.GetValue(s_seed),
            Optimizer = s_defaults.Search.Optimizer with { LearningRate = rate, WeightDecay = method == GenerationMethod.Concept ? 0 : 1e-2 },
            Schedule = method == GenerationMethod.Concept ? s_defaults.Search.Schedule : new ScheduleOptions(),
            EarlyStop = s_defaults.Search.EarlyStop with { Name = stop },
            PreviewInterval = parsed.GetValue(s_previews),
        };
        return s_defaults with
        {
            Model = ModelFolder.Resolve(parsed.GetValue(s_model)),
            Images = TrainingViews.ListImages(parsed.GetRequiredValue(s_images)),
            Masks = parsed.GetValue(s_masks),
            Name = parsed.GetRequiredValue(s_name),
            Init = [.. (parsed.GetValue(s_init) ?? []).SelectMany(w => w.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))],
            InitKind = parsed.GetValue(s_initKind),
            Method = method,
            Rule = rule,
            Slots = parsed.GetValue(s_slots),
            PerLayer = !parsed.GetValue(s_shared),
            NormBound = parsed.GetValue(s_normBound),
            Resolution = parsed.GetValue(s_resolution),
            Flip = !parsed.GetValue(s_noFlip),
            Crops = parsed.GetValue(s_crops),
            Templates = Templates(parsed.GetValue(s_templates)),
            BatchSize = parsed.GetValue(s_batch),
            MinSnrGamma = parsed.GetValue(s_minSnr),
            StartConcept = parsed.GetValue(s_start),
            Search = search,
        };
    }

    static IReadOnlyList<string>? Templates(string? which) => which switch
    {
        null => null,
        "object" => PromptTemplates.Object,
        "style" => PromptTemplates.Style,
        _ => PromptTemplates.FromFile(which),
    };
}
