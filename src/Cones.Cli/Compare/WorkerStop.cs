namespace Cones.Cli.Compare;

/// <summary>Cancels a worker when its standard input ends, as it does when the comparison asks it to stop or is killed, and at Ctrl-C.</summary>
sealed class WorkerStop : IDisposable
{
    readonly CancellationTokenSource _source = new();
    readonly StopSignal _signal = new();
    readonly CancellationTokenRegistration _registration;

    public WorkerStop()
    {
        _registration = _signal.Token.Register(_source.Cancel);
        new Thread(Watch) { IsBackground = true, Name = "standard input" }.Start();
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _registration.Dispose();
        _signal.Dispose();
        _source.Dispose();
    }

    void Watch()
    {
        using var input = Console.OpenStandardInput();
        while (input.ReadByte() >= 0)
        {
            // Nothing is said there: only its end counts.
        }

        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The job was done at the same moment.
        }
    }
}
