using System.Diagnostics;
using System.Text.Json;
using Cones.Models.Weights;
using Cones.Search;

namespace Cones.Cli.Compare.Jobs;

/// <summary>
/// Times a search. Every step of one does the same work: it counts as the median of all, which another program's short bursts do not change,
/// and which a search that was stopped and went on has too.
/// </summary>
/// <param name="file">Where times are kept for a search that goes on; null for none.</param>
/// <param name="log">Told about evaluations and warnings.</param>
sealed class SearchRecorder(string? file, Action<string> log) : ISearchObserver
{
    const string WordsStage = "trying ";
    readonly List<double> _steps = Read(file);
    long _mark = Stopwatch.GetTimestamp();
    long _words;

    /// <summary>The median time of a step in seconds; 0 where there was none.</summary>
    public double SecondsPerStep => Median(_steps);

    /// <summary>The time in which words were tried, in seconds.</summary>
    public double WordSeconds { get; private set; }

    /// <summary>Told about the stages before the search.</summary>
    public void Stage(string stage)
    {
        log(stage);
        if (_words != 0) WordSeconds += Stopwatch.GetElapsedTime(_words).TotalSeconds;
        _words = stage.StartsWith(WordsStage, StringComparison.Ordinal) ? Stopwatch.GetTimestamp() : 0;
    }

    /// <summary>Ends the last stage.</summary>
    public void Finish()
    {
        Stage("done");
        Write();
    }

    public void OnStarted(int step, int totalSteps) => Mark();

    public void OnStep(StepReport report)
    {
        _steps.Add(Stopwatch.GetElapsedTime(_mark).TotalSeconds);
        Mark();
    }

    public void OnEvaluation(EvaluationReport evaluation, bool best)
    {
        log(FormattableString.Invariant($"step {evaluation.Step}: loss {evaluation.Loss:0.0000}"));
        Mark();
    }

    public void OnCheckpoint(int step, string path)
    {
        Write();
        Mark();
    }

    public void OnPreview(int step, string folder) => Mark();

    public void OnWarning(string message) => log($"warning: {message}");

    /// <summary>The middle of some values, 0 of none.</summary>
    public static double Median(IReadOnlyList<double> values)
    {
        if (values.Count == 0) return 0;
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    void Mark() => _mark = Stopwatch.GetTimestamp();

    void Write()
    {
        if (file is not null) AtomicFile.Write(file, s => JsonSerializer.Serialize(s, _steps));
    }

    static List<double> Read(string? file) =>
        file is not null && File.Exists(file) ? JsonSerializer.Deserialize<List<double>>(File.ReadAllBytes(file)) ?? [] : [];
}
