using Cones.Search;
using Spectre.Console;

namespace Cones.Cli.Search;

/// <summary>Shows a search on stderr: a bar on a terminal, a line an evaluation elsewhere.</summary>
sealed class SearchProgress : ISearchObserver
{
    readonly TextWriter _error;
    readonly IAnsiConsole? _console;
    ProgressTask? _bar;
    StepReport? _last;

    public SearchProgress(TextWriter error)
    {
        _error = error;
        if (ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected)
            _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
    }

    /// <summary>Runs <paramref name="search"/> under the bar.</summary>
    public T Run<T>(Func<T> search)
    {
        if (_console is null) return search();
        return _console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn())
            .Start(context =>
            {
                _bar = context.AddTask("starting", autoStart: true);
                return search();
            });
    }

    public void Stage(string stage)
    {
        if (_bar is not null) _bar.Description = Markup.Escape(stage);
        else _error.WriteLine($"{stage} ...");
    }

    public void OnStarted(int step, int totalSteps)
    {
        if (_bar is not null) _bar.MaxValue = totalSteps;
        if (step > 0) Say($"going on from step {step}");
    }

    public void OnStep(StepReport report)
    {
        _last = report;
        if (_bar is null) return;
        _bar.Value = report.Step;
        _bar.Description = Markup.Escape($"step {report.Step}/{report.TotalSteps}  loss {report.Loss:0.0000}  {Speed(report)}");
    }

    public void OnEvaluation(EvaluationReport evaluation, bool best) =>
        Say($"step {evaluation.Step,5}  {(_last is null ? "" : $"loss {_last.Loss:0.0000}  ")}evaluation loss {evaluation.Loss:0.0000}{(evaluation.Score is { } score ? $"  AP {score:0.0000}" : "")}{(best ? " *" : "  ")}  {(_last is null ? "" : Speed(_last))}");

    public void OnWarning(string message) => Say($"warning: {message}");

    public void OnStopped(StopReason reason, string message) => Say(message);

    static string Speed(StepReport report) =>
        string.Create(null, $"{report.ImagesPerSecond:0.0} images/s, {(long)report.Remaining.TotalHours}:{report.Remaining:mm\\:ss} left");

    void Say(string line)
    {
        if (_console is null) _error.WriteLine(line);
        else _console.WriteLine(line);
    }
}
