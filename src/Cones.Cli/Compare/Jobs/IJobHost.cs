using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cones.Models;
using Cones.Models.Weights;

namespace Cones.Cli.Compare.Jobs;

/// <summary>Runs jobs somewhere.</summary>
interface IJobHost
{
    /// <summary>Runs a job that was prepared.</summary>
    /// <returns>Why it failed, in a sentence; null where it did not.</returns>
    /// <exception cref="OperationCanceledException">It was asked to stop; what was done is saved.</exception>
    Task<string?> Run(JobSpec job, CancellationToken cancellation);
}

/// <summary>Runs jobs in this process, on this thread.</summary>
sealed class InProcessHost(JobStore store) : IJobHost
{
    public Task<string?> Run(JobSpec job, CancellationToken cancellation)
    {
        using var log = new StreamWriter(store.LogOf(job), append: false) { AutoFlush = true };
        try
        {
            new JobRunner(store.FolderOf(job), log.WriteLine, cancellation).Run();
            return Task.FromResult<string?>(null);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // One job must not end the others, whatever its fault.
            log.WriteLine(e);
            return Task.FromResult<string?>(e.Message);
        }
    }
}

/// <summary>
/// Runs jobs in processes of their own. A worker ends by itself when its standard input does: when the comparison asks it to stop, and when
/// the comparison is killed.
/// </summary>
/// <param name="store">The comparison's folder.</param>
/// <param name="threads">The threads of a worker; 0 leaves them to it.</param>
sealed class WorkerHost(JobStore store, int threads) : IJobHost
{
    public async Task<string?> Run(JobSpec job, CancellationToken cancellation)
    {
        var log = store.LogOf(job);
        using var process = Process.Start(Start(store.FolderOf(job))) ?? throw new ConesException("a worker process could not be started");
        var said = new StringBuilder();
        var reading = Task.Run(() => Copy(process.StandardError, log, said), CancellationToken.None);
        var ignoring = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await using (cancellation.Register(() => process.StandardInput.Close()))
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        await reading.ConfigureAwait(false);
        await ignoring.ConfigureAwait(false);
        if (process.ExitCode == ExitCodes.Success) return null;
        if (process.ExitCode == ExitCodes.Cancelled || cancellation.IsCancellationRequested) throw new OperationCanceledException();
        var last = said.ToString().Split('\n').LastOrDefault(l => l.StartsWith("cones: ", StringComparison.Ordinal));
        return last is not null ? last["cones: ".Length..].Trim()
            : string.Create(CultureInfo.InvariantCulture, $"its process ended with code {process.ExitCode}{(process.ExitCode == 137 ? " (killed, mostly for lack of memory)" : "")}: see {log}");
    }

    ProcessStartInfo Start(string folder)
    {
        var start = new ProcessStartInfo { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in Program()) start.ArgumentList.Add(argument);
        start.FileName = start.ArgumentList[0];
        start.ArgumentList.RemoveAt(0);
        foreach (var argument in (string[])["compare", "--job", folder]) start.ArgumentList.Add(argument);
        if (threads > 0) start.Environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        return start;
    }

    // The program itself: as it was started, or, from another program such as a test, the one beside this library.
    static string[] Program()
    {
        var library = typeof(WorkerHost).Assembly.Location;
        var host = Environment.ProcessPath!;
        if (Path.GetFileNameWithoutExtension(host) == "dotnet") return [host, library];
        if (System.Reflection.Assembly.GetEntryAssembly() == typeof(WorkerHost).Assembly) return [host];
        return [Path.ChangeExtension(library, OperatingSystem.IsWindows() ? ".exe" : null).TrimEnd('.')];
    }

    static void Copy(StreamReader from, string to, StringBuilder kept)
    {
        using var log = new StreamWriter(to, append: false) { AutoFlush = true };
        while (from.ReadLine() is { } line)
        {
            log.WriteLine(line);
            kept.Append(line).Append('\n');
        }
    }
}
