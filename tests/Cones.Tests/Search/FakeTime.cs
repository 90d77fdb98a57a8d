namespace Cones.Tests.Search;

/// <summary>A clock that goes on by a fixed time whenever it is asked.</summary>
sealed class FakeTime(TimeSpan tick) : TimeProvider
{
    long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _ticks += tick.Ticks;

    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(_ticks);
}
