using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>What goes from layer to layer of the tower.</summary>
/// <param name="Levels">P3 to P7, [B, C, H, W] each, channels-last.</param>
/// <param name="Hidden">The text, [B, T, L].</param>
public sealed record TowerState(IReadOnlyList<Tensor> Levels, Tensor Hidden) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var level in Levels) level.Dispose();
        Hidden.Dispose();
    }

    internal TowerState MoveToOuterDisposeScope()
    {
        foreach (var level in Levels) level.MoveToOuterDisposeScope();
        Hidden.MoveToOuterDisposeScope();
        return this;
    }
}

/// <summary>All pixels of all levels as one sequence, and back.</summary>
static class LevelTokens
{
    /// <summary>Maps levels [B, C, H, W] to [B, N, C], N the pixels of all levels, row by row.</summary>
    public static Tensor Join(IReadOnlyList<Tensor> levels)
    {
        using var scope = NewDisposeScope();
        return cat([.. levels.Select(Flatten)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>[B, C, H, W] -> [B, HW, C]: a view where the memory is channels-last.</summary>
    public static Tensor Flatten(Tensor level) => level.permute(0, 2, 3, 1).reshape(level.shape[0], level.shape[2] * level.shape[3], level.shape[1]);

    /// <summary>Maps [B, N, C] back to levels of the shapes given, channels-last.</summary>
    public static IReadOnlyList<Tensor> Split(Tensor tokens, IReadOnlyList<Tensor> like)
    {
        using var scope = NewDisposeScope();
        var parts = tokens.split([.. like.Select(l => l.shape[2] * l.shape[3])], 1);
        // [B, HW, C] -> [B, H, W, C] -> [B, C, H, W]; a copy only where there are several images
        return
        [
            .. parts.Zip(like, (part, level) =>
                part.contiguous().view(part.shape[0], level.shape[2], level.shape[3], part.shape[2]).permute(0, 3, 1, 2).MoveToOuterDisposeScope()),
        ];
    }
}
