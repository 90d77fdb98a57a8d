using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>The tokens that a search starts from.</summary>
static class StartTokens
{
    // How far a slot is moved from a token that another slot begins with too: slots that are equal would stay equal.
    const double Spread = 0.1;

    /// <summary>Copies of one token, told apart by some noise; or random directions of its norm.</summary>
    /// <param name="token">[1, C].</param>
    /// <param name="options">Slots, start and seed.</param>
    /// <param name="slots">The slots of each class where the options have none.</param>
    /// <returns>For each class [n, C].</returns>
    public static IReadOnlyList<Tensor> Around(Tensor token, SegmentationPromptOptions options, int slots) =>
        [.. options.Classes.Select((_, c) => Slots(token.expand(Count(options, slots), -1), c, options))];

    /// <summary>Encoded rows, spread over the slots; or random directions of their norm.</summary>
    /// <param name="rows">The rows of each class, [L, C].</param>
    /// <param name="options">Slots (0: as many as rows), start and seed.</param>
    public static IReadOnlyList<Tensor> Of(IReadOnlyList<Tensor> rows, SegmentationPromptOptions options) => [.. rows.Select((r, c) =>
    {
        var (length, count) = ((int)r.shape[0], Count(options, (int)r.shape[0]));
        return Slots(r.index_select(0, tensor(Enumerable.Range(0, count).Select(i => (long)(i * length / count)).ToArray(), device: r.device)), c, options);
    })];

    static int Count(SegmentationPromptOptions options, int otherwise) => options.Slots > 0 ? options.Slots : otherwise;

    // [n, C]; rows that repeat the one before are moved.
    static Tensor Slots(Tensor rows, int index, SegmentationPromptOptions options)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(SeedSequence.Derive(options.Seed, "class_tokens", index), CPU);
        rows = rows.to(ScalarType.Float32);
        var noise = randn([rows.shape[0], rows.shape[1]], generator: generator).to(rows.device);
        noise = noise / noise.norm(-1, keepdim: true) * rows.norm(-1).mean();
        if (options.Init == TokenInit.Random) return noise.MoveToOuterDisposeScope();
        var repeated = zeros([rows.shape[0], 1], device: rows.device);
        for (var i = 1; i < rows.shape[0]; i++)
            if ((rows[i] - rows[i - 1]).abs().max().item<float>() == 0) repeated[i].fill_(Spread);
        return (rows + (noise * repeated)).MoveToOuterDisposeScope();
    }
}
