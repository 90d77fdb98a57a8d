using System.Diagnostics;
using System.Text;

namespace Cones.Cli.Tests;

/// <summary>The command as a process of its own, as users run it.</summary>
sealed class Command : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);
    readonly Process _process;
    readonly StringBuilder _error = new();
    readonly StringBuilder _output = new();

    public Command(params IEnumerable<string> arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Cones.Cli.exe" : "Cones.Cli");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
        {
            start.FileName = Environment.ProcessPath!;
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Cones.Cli.dll"));
        }

        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, e) => Append(_output, e.Data);
        _process.ErrorDataReceived += (_, e) => Append(_error, e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int ExitCode => _process.ExitCode;

    public bool HasExited => _process.HasExited;

    public int Id => _process.Id;

    public string Error
    {
        get { lock (_error) return _error.ToString(); }
    }

    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    /// <summary>Waits until standard error holds a text, or the process ends.</summary>
    public void WaitFor(string text)
    {
        var clock = Stopwatch.StartNew();
        while (!Error.Contains(text, StringComparison.Ordinal) && !HasExited)
        {
            Assert.True(clock.Elapsed < s_patience, $"'{text}' does not come: {Error}");
            Thread.Sleep(5);
        }
    }

    public void WaitForExit()
    {
        Assert.True(_process.WaitForExit(s_patience), $"the process does not end: {Error}");
        _process.WaitForExit(); // what it wrote last has arrived
    }

    /// <summary>SIGKILL on Unix: nothing in the process can answer it.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }

    static void Append(StringBuilder text, string? line)
    {
        if (line is null) return;
        lock (text) text.AppendLine(line);
    }
}
