using Cones.Models.Native;

namespace Cones.Models.Tests;

public sealed class FreedMemoryBoundTests
{
    const long MB = 1 << 20;

    [Fact]
    public void Memory_is_given_back_once_a_step_ends_with_more_than_the_first()
    {
        var (resident, released) = (1000 * MB, 0);
        var bound = new FreedMemoryBound(() => resident, () => released++);
        Assert.False(bound.StepEnded());
        resident = 1128 * MB;
        Assert.False(bound.StepEnded());
        resident++;
        Assert.True(bound.StepEnded());
        Assert.Equal(1, released);
    }

    [Fact]
    public void What_a_step_needs_for_good_becomes_the_new_measure()
    {
        var (resident, released) = (1000 * MB, 0);
        var bound = new FreedMemoryBound(() => resident, () => released++);
        bound.StepEnded();
        resident = 2000 * MB;
        for (var i = 0; i < 10; i++) bound.StepEnded();
        Assert.Equal(1, released);
    }

    [Fact]
    public void Large_processes_may_vary_by_two_percent()
    {
        var (resident, released) = (20_000 * MB, 0);
        var bound = new FreedMemoryBound(() => resident, () => released++);
        bound.StepEnded();
        resident = 20_390 * MB;
        Assert.False(bound.StepEnded());
        resident = 20_410 * MB;
        Assert.True(bound.StepEnded());
    }

    [Fact]
    public void Nothing_happens_where_the_memory_is_not_known()
    {
        var bound = new FreedMemoryBound(() => 0, () => Assert.Fail("released"));
        for (var i = 0; i < 3; i++) Assert.False(bound.StepEnded());
    }

    [Fact]
    public void The_process_knows_its_own_memory() => Assert.Equal(OperatingSystem.IsLinux(), ResidentMemory.Bytes() > 1 << 20);
}
