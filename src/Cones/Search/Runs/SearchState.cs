using System.Text.Json;
using System.Text.Json.Serialization;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search.Runs;

/// <summary>Everything that decides how a search goes on: what a checkpoint holds.</summary>
sealed class SearchState : IDisposable
{
    Tensor[] _best = [];

    public SearchState(ISearchProblem problem, SearchOptions options)
    {
        Parameters = new ParameterSet(problem.Parameters);
        Optimizer = Optimizer.Create(options.Optimizer, Parameters.Named);
        Average = options.EmaDecay > 0 ? new MovingAverage(Parameters, options.EmaDecay) : null;
    }

    public ParameterSet Parameters { get; }

    public Optimizer Optimizer { get; }

    public MovingAverage? Average { get; }

    public List<EvaluationReport> Evaluations { get; } = [];

    /// <summary>The numbers.</summary>
    public Counters Count { get; private set; } = new();

    /// <summary>The parameters of the best evaluation, in their order; empty before the first.</summary>
    public IReadOnlyList<Tensor> Best => _best;

    /// <summary>Keeps the present parameters as the best.</summary>
    public void KeepBest(int step, SearchEvaluation evaluation)
    {
        if (_best.Length == 0) _best = Parameters.Clone();
        else Parameters.CopyTo(_best);
        (Count.BestStep, Count.BestLoss, Count.BestScore) = (step, evaluation.Loss, evaluation.Score);
    }

    /// <summary>Every tensor by its name in a checkpoint; those in <paramref name="made"/> are the caller's to dispose.</summary>
    public SortedDictionary<string, Tensor> Tensors(out IReadOnlyList<Tensor> made)
    {
        var tensors = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        AddAll(tensors, "parameter", [.. Parameters.Named.Select(p => p.Value)]);
        foreach (var (name, tensor) in Optimizer.State) tensors["optimizer." + name] = tensor;
        if (Average is not null) AddAll(tensors, "ema", Average.Values);
        AddAll(tensors, "best", _best);
        made = [];
        if (Evaluations.Count == 0) return tensors;
        tensors["evaluation.steps"] = tensor(Evaluations.Select(e => (long)e.Step).ToArray()).DetachFromDisposeScope();
        tensors["evaluation.losses"] = tensor(Evaluations.Select(e => e.Loss).ToArray(), dtype: ScalarType.Float64).DetachFromDisposeScope();
        made = [tensors["evaluation.steps"], tensors["evaluation.losses"]];
        if (Evaluations[0].Score is null) return tensors;
        tensors["evaluation.scores"] = tensor(Evaluations.Select(e => e.Score ?? double.NaN).ToArray(), dtype: ScalarType.Float64).DetachFromDisposeScope();
        made = [.. made, tensors["evaluation.scores"]];
        return tensors;
    }

    /// <summary>The numbers as text.</summary>
    public string CountersJson()
    {
        Count.OptimizerSteps = [.. Optimizer.Steps];
        return JsonSerializer.Serialize(Count);
    }

    /// <summary>Takes over what a checkpoint holds.</summary>
    /// <exception cref="ArgumentException">A tensor is missing or has another shape.</exception>
    public void Load(IReadOnlyDictionary<string, Tensor> tensors, string counters)
    {
        using var scope = NewDisposeScope();
        var count = JsonSerializer.Deserialize<Counters>(counters) ?? throw new ArgumentException("it holds no counters", nameof(counters));
        var parameters = All("parameter");
        Optimizer.Load(Optimizer.State.ToDictionary(s => s.Key, s => Find("optimizer." + s.Key, s.Value)), count.OptimizerSteps);
        Parameters.CopyFrom(parameters);
        if (Average is not null)
        {
            using var noGrad = no_grad();
            foreach (var (own, saved) in Average.Values.Zip(All("ema"))) own.copy_(saved);
        }

        if (tensors.ContainsKey("best." + Parameters.Named[0].Key))
        {
            foreach (var tensor in _best) tensor.Dispose();
            _best = [.. All("best").Zip(Parameters.Named).Select(p => p.First.to(p.Second.Value.device).clone().DetachFromDisposeScope())];
        }

        Evaluations.Clear();
        if (tensors.TryGetValue("evaluation.steps", out var steps))
        {
            var scores = tensors.TryGetValue("evaluation.scores", out var saved) ? saved.data<double>().ToArray() : null;
            Evaluations.AddRange(steps.data<long>().ToArray().Zip(tensors["evaluation.losses"].data<double>().ToArray())
                .Select((e, i) => new EvaluationReport((int)e.First, e.Second, scores is null || double.IsNaN(scores[i]) ? null : scores[i])));
        }

        Count = count;

        Tensor[] All(string kind) => [.. Parameters.Named.Select(p => Find($"{kind}.{p.Key}", p.Value))];

        Tensor Find(string name, Tensor like) =>
            tensors.TryGetValue(name, out var saved) && saved.shape.AsSpan().SequenceEqual(like.shape) && saved.dtype == like.dtype
                ? saved
                : throw new ArgumentException($"it has no {like.dtype} '{name}' of shape [{string.Join(",", like.shape)}]", nameof(tensors));
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Average?.Dispose();
        foreach (var tensor in _best) tensor.Dispose();
    }

    void AddAll(SortedDictionary<string, Tensor> tensors, string kind, Tensor[] values)
    {
        for (var i = 0; i < values.Length; i++) tensors[$"{kind}.{Parameters.Named[i].Key}"] = values[i];
    }

    /// <summary>The numbers of a search.</summary>
    public sealed class Counters
    {
        /// <summary>The steps made, skipped ones too.</summary>
        public int Step { get; set; }

        public int Skipped { get; set; }

        public int SkippedInARow { get; set; }

        public long[] OptimizerSteps { get; set; } = [];

        public int? BestStep { get; set; }

        public double? BestLoss { get; set; }

        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public double? BestScore { get; set; }

        /// <summary>The bytes of the metrics file that belong to these steps.</summary>
        public long MetricsLength { get; set; }

        /// <summary>Why the search is over; null while it is not (a cancelled one is not).</summary>
        [JsonConverter(typeof(JsonStringEnumConverter<StopReason>))]
        public StopReason? Finished { get; set; }

        public string Message { get; set; } = "";
    }
}
