using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Search;

public sealed class SeedSequenceTests
{
    // Computed with another implementation of SHA-256; these numbers never change.
    [Theory]
    [InlineData(0L, "noise", 0L, 0L, 2506304331111831534UL)]
    [InlineData(1L, "noise", 0L, 0L, 12943186899834287341UL)]
    [InlineData(0L, "batch", 7L, 3L, 5706271353861881333UL)]
    [InlineData(-5L, "evaluation", 0L, 0L, 18252947587503998636UL)]
    [InlineData(9223372036854775807L, "größe", 2147483648L, 1L, 14632244370768746876UL)]
    public void Seeds_are_what_they_always_were(long seed, string stream, long step, long micro, ulong expected) =>
        Assert.Equal(expected, SeedSequence.Derive(seed, stream, step, micro));

    [Fact]
    public void Seeds_differ_in_every_coordinate()
    {
        var seeds = new HashSet<ulong>();
        for (var seed = -2; seed < 3; seed++)
            foreach (var stream in (string[])["noise", "batch", "a", "a:1"])
                for (var step = 0; step < 100; step++)
                    for (var micro = 0; micro < 5; micro++)
                        Assert.True(seeds.Add(SeedSequence.Derive(seed, stream, step, micro)));
    }

    [Fact]
    public void Generators_of_neighbouring_seeds_draw_unrelated_numbers()
    {
        using var scope = NewDisposeScope();
        var draws = Enumerable.Range(0, 64).Select(step =>
        {
            using var generator = new Generator(SeedSequence.Derive(0, "noise", step), CPU);
            return randn([256], generator: generator);
        }).ToArray();
        var rows = stack(draws);
        var correlation = rows.matmul(rows.t()) / 256 - eye(64);
        Assert.True(correlation.triu(1).abs().max().item<float>() < 0.35); // 5.6 standard deviations
    }
}
