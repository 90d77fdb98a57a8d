using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>How the timesteps of a batch are drawn.</summary>
public enum TimestepSampling
{
    /// <summary>Independently, as the published recipes do it.</summary>
    Uniform,

    /// <summary>One from each of as many equal ranges as the batch has rows: the same mean, less variance.</summary>
    Stratified,
}

/// <summary>
/// Draws batches from counters: batch (step, micro) is the same whenever it is asked for. It draws on the CPU, so that the
/// numbers are those of every device.
/// </summary>
/// <param name="latents">The training pictures.</param>
/// <param name="templates">For each view the templates that fit it.</param>
/// <param name="timestepCount">The number of training timesteps.</param>
/// <param name="batchSize">Rows a batch.</param>
/// <param name="accumulate">Micro-batches a step.</param>
/// <param name="sampling">How timesteps are drawn.</param>
/// <param name="seed">The search's seed.</param>
public sealed class BatchSampler(LatentCache latents, IReadOnlyList<IReadOnlyList<int>> templates, int timestepCount, int batchSize, int accumulate, TimestepSampling sampling, long seed)
{
    /// <summary>A batch of the search.</summary>
    public DenoisingBatch Draw(int step, int micro)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(SeedSequence.Derive(seed, "batch", step, micro), CPU);
        var first = ((long)step * accumulate + micro) * batchSize;
        long[] views = [.. Enumerable.Range(0, batchSize).Select(i => View(first + i))];
        var picks = randint(0, int.MaxValue, [batchSize], ScalarType.Int64, generator: generator).data<long>().ToArray();
        var timesteps = sampling == TimestepSampling.Uniform
            ? randint(0, timestepCount, [batchSize], ScalarType.Int64, generator: generator)
            : Stratify(rand([batchSize], generator: generator));
        return Assemble(views, [.. views.Zip(picks, Template)], timesteps, generator);
    }

    /// <summary>The frozen evaluation batch: timesteps spread evenly, pictures and templates in turn.</summary>
    public DenoisingBatch DrawEvaluation(int rows)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(SeedSequence.Derive(seed, "evaluation"), CPU);
        long[] views = [.. Enumerable.Range(0, rows).Select(i => (long)i % latents.Count)];
        int[] chosen = [.. views.Select((view, i) => Template(view, i * 7))];
        var order = randperm(rows, generator: generator).to(ScalarType.Float32);
        var timesteps = ((order + 0.5) * ((double)timestepCount / rows)).to(ScalarType.Int64).clamp(0, timestepCount - 1);
        return Assemble(views, chosen, timesteps, generator);
    }

    int Template(long view, long pick) => templates[(int)view][(int)(pick % templates[(int)view].Count)];

    // Every view comes once before one comes again.
    long View(long draw)
    {
        var epoch = (int)(draw / latents.Count);
        using var generator = new Generator(SeedSequence.Derive(seed, "order", epoch), CPU);
        using var order = randperm(latents.Count, ScalarType.Int64, generator: generator);
        return order.data<long>()[draw % latents.Count];
    }

    Tensor Stratify(Tensor offsets)
    {
        var index = arange(batchSize, dtype: ScalarType.Float32);
        return ((index + offsets) * ((double)timestepCount / batchSize)).to(ScalarType.Int64).clamp(0, timestepCount - 1);
    }

    DenoisingBatch Assemble(long[] views, int[] chosen, Tensor timesteps, Generator generator)
    {
        long[] shape = [views.Length, .. latents.Shape];
        return new DenoisingBatch(
            tensor(views).MoveToOuterDisposeScope(),
            chosen,
            randn(shape, generator: generator).MoveToOuterDisposeScope(),
            randn(shape, generator: generator).MoveToOuterDisposeScope(),
            timesteps.MoveToOuterDisposeScope());
    }
}
