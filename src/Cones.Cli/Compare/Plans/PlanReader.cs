using System.CommandLine;
using System.Globalization;
using Cones.Cli.Compare.Tasks;
using Cones.Models;

namespace Cones.Cli.Compare.Plans;

/// <summary>Reads and checks a plan: everything in it is known, exists and fits together before a job runs.</summary>
sealed class PlanReader
{
    // What the comparison itself decides.
    static readonly string[] s_reserved = ["method", "steps", "seed", "model", "start"];

    readonly string _path;
    readonly PlanMap _root;
    readonly IComparisonTask _task;
    readonly PlanOptions _options;
    readonly IReadOnlyDictionary<string, string> _overrides;
    readonly HashSet<string> _models = [];

    PlanReader(string path, IReadOnlyDictionary<string, string> overrides)
    {
        (_path, _overrides) = (path, overrides);
        _root = PlanMap.Load(path);
        _root.Allow("title", "description", "task", "models", "datasets", "genres", "shots", "seeds", "shot-seeds", "selection", "budgets", "options", "evaluation", "reference", "parallel");
        var task = _root.RequiredText("task");
        _task = ComparisonTasks.Find(task) ?? throw _root.Error("task", $"the task '{task}' is not known: {string.Join(", ", ComparisonTasks.All.Select(t => t.Name))}");
        _options = new PlanOptions(_task.NewSearchCommand(), [.. s_reserved, .. _task.DataKeys.Select(k => k.Name)]);
    }

    /// <summary>Reads a plan.</summary>
    /// <param name="path">The file.</param>
    /// <param name="models">Models to take instead of the plan's, by name; a genre's own by what the plan calls it.</param>
    /// <exception cref="ConesException">Something cannot be used; the message names file and line.</exception>
    public static ComparisonPlan Read(string path, IReadOnlyDictionary<string, string> models) => new PlanReader(path, models).Read();

    ComparisonPlan Read()
    {
        var common = _root.Map("options") is { } map ? _options.Read(map) : [];
        var genres = Named("genres", (name, m) => Genre(name, m, common));
        var datasets = Named("datasets", (name, m) => new PlanDataset(name, Values(m, _task.DataKeys, required: true)));
        var seeds = _root.WholeNumbers("seeds") is { Count: > 0 } given ? given : [0, 1, 2];
        var shotsOf = Shots(_root);
        var (selectionSeeds, selectionDatasets, selectionShots) = Selection(seeds, datasets, shotsOf);
        var plan = new ComparisonPlan
        {
            Path = _path,
            Title = _root.RequiredText("title"),
            Description = _root.Text("description")?.Trim() ?? "",
            Task = _task.Name,
            Models = Models(),
            Datasets = datasets,
            Genres = genres,
            Shots = shotsOf,
            Seeds = seeds,
            ShotSeeds = _root.WholeNumbers("shot-seeds") is { Count: > 0 } shots ? shots : seeds,
            Budgets = Named("budgets", Budget),
            Evaluation = _root.Map("evaluation") is { } evaluation ? Values(evaluation, _task.EvaluationKeys, required: false) : new Dictionary<string, IReadOnlyList<string>>(),
            SelectionSeeds = selectionSeeds,
            SelectionDatasets = selectionDatasets,
            SelectionShots = selectionShots,
            References = [.. _root.Texts("reference").Select(t => Reference(t, genres))],
            Parallel = _root.Whole("parallel"),
        };
        Check(plan);
        return plan;
    }

    void Check(ComparisonPlan plan)
    {
        if (_overrides.Keys.FirstOrDefault(n => !_models.Contains(n)) is { } unknown)
            throw new ConesException($"{_path} has no model '{unknown}' but {string.Join(", ", _models)} (--model)");
        if (plan.Seeds.Distinct().Count() < plan.Seeds.Count) throw _root.Error("seeds", "a seed is named twice");
        if (plan.ShotSeeds.Count != plan.Seeds.Count) throw _root.Error("shot-seeds", $"{plan.ShotSeeds.Count} seeds of few-shot subsets for {plan.Seeds.Count} seeds: name as many");
        PlanGenre[] tuned = [.. plan.Genres.Where(g => g.LearningRates.Count > 0)];
        if (tuned.FirstOrDefault(g => g.LearningRates.Count != tuned[0].LearningRates.Count) is { } other)
            throw _root.Error("genres", $"'{other.Name}' may try {other.LearningRates.Count} learning rates, '{tuned[0].Name}' {tuned[0].LearningRates.Count}: give every genre the same number, or one nothing to choose (options: lr)");
        if (plan.RatesPerGenre < 2) return;
        PlanDataset[] judges = [.. plan.Datasets.Where(d => plan.SelectionDatasets.Count == 0 || plan.SelectionDatasets.Contains(d.Name))];
        if (judges.FirstOrDefault(d => !d.Values.ContainsKey(_task.ValidationKey)) is { } without)
            throw _root.Error("datasets", $"'{without.Name}' has no '{_task.ValidationKey}': learning rates are chosen on validation data only");
    }

    IReadOnlyList<T> Named<T>(string key, Func<string, PlanMap, T> read)
    {
        var map = _root.Map(key) ?? throw _root.Error(key, $"the plan needs '{key}'");
        T[] items = [.. map.Keys.ToArray().Select(name => read(name, map.Map(name)!))];
        return items.Length > 0 ? items : throw _root.Error(key, $"'{key}' is empty: name at least one");
    }

    PlanModel[] Models()
    {
        var map = _root.Map("models") ?? throw _root.Error("models", "the plan needs 'models' (name: folder, id, or embedded)");
        PlanModel[] models = [.. map.Keys.ToArray().Select(name => new PlanModel(name, Model(map, name, name)))];
        return models.Length > 0 ? models : throw _root.Error("models", "'models' is empty: name at least one");
    }

    string Model(PlanMap map, string key, string name)
    {
        _models.Add(name);
        var written = map.RequiredText(key);
        return Located(map, key, () => _overrides.TryGetValue(name, out var path) ? Path.GetFullPath(path) : PlanPaths.Model(_path, written, _task));
    }

    PlanGenre Genre(string name, PlanMap map, IReadOnlyList<KeyValuePair<string, string?>> common)
    {
        map.Allow("method", "options", "stages", "learning-rates", "data", "model");
        var stages = map.Maps("stages");
        var written = map.Text("method");
        if (stages is { Count: 0 } || (stages is null) == (written is null)) throw map.Error("stages", $"the genre '{name}' needs either 'method' or 'stages'");
        PlanStage[] read = stages is null ? [Stage(map, common)] : [.. stages.Select(s =>
        {
            s.Allow("method", "options", "share");
            return Stage(s, common) with { Share = Share(s) };
        })];
        if (read.Any(s => s.Share is not null) && (read.All(s => s.Share is not null) || read.Sum(s => s.Share ?? 0) >= 1))
            throw map.Error("stages", $"the shares of the genre '{name}' leave nothing to the others: name those of all stages but one, less than 1 together");
        if (read.Length > 1 && !_options.Starts) throw map.Error("stages", $"the task {_task.Name} has no second stage: name one method");
        var rates = map.Numbers("learning-rates");
        if (rates.Distinct().Count() < rates.Count) throw map.Error("learning-rates", "a learning rate is named twice");
        if (rates.Count > 0 && read[^1].Options.Any(o => o.Key == "lr")) throw map.Error("learning-rates", $"the genre '{name}' has learning rates to try and one given (options: lr): leave one out");
        return new PlanGenre
        {
            Name = name,
            Stages = read,
            LearningRates = rates,
            Data = map.Map("data") is { } data ? Values(data, _task.DataKeys, required: false) : new Dictionary<string, IReadOnlyList<string>>(),
            Model = map.Text("model") is { } model ? Model(map, "model", model) : null,
        };
    }

    PlanStage Stage(PlanMap map, IReadOnlyList<KeyValuePair<string, string?>> common)
    {
        var method = map.RequiredText("method");
        if (!_task.Methods.Contains(method)) throw map.Error("method", $"the method '{method}' is not known: {string.Join(", ", _task.Methods)}");
        var own = map.Map("options") is { } options ? _options.Read(options) : [];
        return new PlanStage(method, PlanOptions.Merge(common, own));
    }

    static double? Share(PlanMap map) =>
        map.Number("share") is var share && share is null or (> 0 and < 1) ? share : throw map.Error("share", "'share' is a part of the budget, between 0 and 1");

    PlanBudget Budget(string name, PlanMap map)
    {
        map.Allow("steps", "seconds", "options");
        var steps = map.Whole("steps");
        var seconds = map.Number("seconds");
        if (seconds is <= 0) throw map.Error("seconds", $"'seconds' is {seconds}, it must be above 0");
        if ((steps is null) == (seconds is null)) throw map.Error("steps", $"the budget '{name}' needs either 'steps' or 'seconds'");
        var options = map.Map("options") is { } own ? _options.Read(own) : [];
        return new PlanBudget(name, steps ?? 0, seconds, PlanOptions.Merge([new("early-stop", "none")], options));
    }

    // A genre, or 90% of GENRE.
    PlanReference Reference(string text, IReadOnlyList<PlanGenre> genres)
    {
        if (genres.Any(g => g.Name == text)) return new PlanReference(text);
        var sides = text.Split("% of ", 2, StringSplitOptions.TrimEntries);
        var genre = sides[^1];
        if (genres.All(g => g.Name != genre)) throw _root.Error("reference", $"'{genre}' is no genre of this plan: {string.Join(", ", genres.Select(g => g.Name))}");
        if (!double.TryParse(sides[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var share) || share is not (> 0 and <= 100))
            throw _root.Error("reference", $"'reference' holds '{text}': a genre, or a share of the best that it reaches, such as 90% of {genre}");
        if (_task.CurveScore is null) throw _root.Error("reference", $"the task {_task.Name} compares losses, of which there are no shares: name a genre (reference)");
        return new PlanReference(genre, share / 100);
    }

    static IReadOnlyList<int?> Shots(PlanMap map)
    {
        var texts = map.Texts("shots");
        if (texts.Count == 0) return [null];
        return [.. texts.Select<string, int?>(t => t == "all" ? null
            : int.TryParse(t, out var count) && count > 0 ? count
            : throw map.Error("shots", $"'shots' holds '{t}': numbers of at least 1, or all"))];
    }

    (IReadOnlyList<long> Seeds, IReadOnlyList<string> Datasets, IReadOnlyList<int?> Shots) Selection(
        IReadOnlyList<long> seeds, IReadOnlyList<PlanDataset> datasets, IReadOnlyList<int?> shots)
    {
        var map = _root.Map("selection");
        map?.Allow("seeds", "datasets", "shots");
        var own = map?.WholeNumbers("seeds") is { Count: > 0 } given ? given : [seeds.Max() + 1];
        if (own.FirstOrDefault(seeds.Contains, -1) is >= 0 and var shared) throw map!.Error("seeds", $"the seed {shared} is reported too: choose learning rates with other seeds");
        var judges = map?.Texts("datasets") ?? [];
        if (judges.FirstOrDefault(j => datasets.All(d => d.Name != j)) is { } unknown) throw map!.Error("datasets", $"'{unknown}' is no data set of this plan");
        var chosenWith = map?.Texts("shots") is { Count: > 0 } ? Shots(map) : [];
        if (chosenWith.Any(s => !shots.Contains(s))) throw map!.Error("shots", "'shots' of 'selection' holds what 'shots' of the plan does not");
        return (own, judges, chosenWith);
    }

    Dictionary<string, IReadOnlyList<string>> Values(PlanMap map, IReadOnlyList<PlanKey> keys, bool required)
    {
        map.Allow(keys.Select(k => k.Name));
        var values = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var key in keys)
        {
            var texts = map.Texts(key.Name);
            if (texts.Count > 0) values[key.Name] = [.. texts.Select(t => Value(map, key, t))];
            else if (required && key.Required) throw map.Error(key.Name, $"a data set of the task {_task.Name} needs '{key.Name}'");
            if (texts.Count > 1 && key.Kind is not (PlanValueKind.Paths or PlanValueKind.Text)) throw map.Error(key.Name, $"'{key.Name}' is one value");
        }

        return values;
    }

    string Value(PlanMap map, PlanKey key, string text) => key.Kind switch
    {
        PlanValueKind.Path or PlanValueKind.Paths => Located(map, key.Name, () => PlanPaths.Existing(_path, text)),
        PlanValueKind.Model => Located(map, key.Name, () => PlanPaths.Model(_path, text, _task)),
        PlanValueKind.Flag when text is not ("true" or "false") => throw map.Error(key.Name, $"'{key.Name}' is '{text}', true or false was expected"),
        PlanValueKind.Number => FormattableString.Invariant($"{map.Number(key.Name)}"),
        _ => text,
    };

    static string Located(PlanMap map, string key, Func<string> find)
    {
        try
        {
            return find();
        }
        catch (ConesException e)
        {
            throw map.Error(key, e.Message);
        }
    }
}
