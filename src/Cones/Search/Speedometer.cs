namespace Cones.Search;

/// <summary>Measures how fast a session goes. What it says is shown and never used.</summary>
sealed class Speedometer(TimeProvider time)
{
    readonly long _start = time.GetTimestamp();
    long _last = time.GetTimestamp();
    int _steps;

    /// <summary>The images a second since the last call, and the time that <paramref name="remaining"/> steps will take.</summary>
    public (double ImagesPerSecond, TimeSpan Remaining) Step(int images, int remaining)
    {
        var now = time.GetTimestamp();
        var seconds = time.GetElapsedTime(_last, now).TotalSeconds;
        _last = now;
        _steps++;
        return (seconds > 0 ? images / seconds : 0, time.GetElapsedTime(_start, now) / _steps * remaining);
    }

    /// <summary>Leaves out of the next step's speed what has happened since the last one.</summary>
    public void Restart() => _last = time.GetTimestamp();
}
