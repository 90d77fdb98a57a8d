using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>Blocks of one width, and the merging of patches that leads to the next stage (<c>SwinStage</c>).</summary>
public sealed class SwinStage : Module
{
    internal SwinStage(SwinConfig config, SwinLayout layout, int stage)
    {
        var width = config.WidthOf(stage);
        Blocks = Add("blocks", new ModuleList<SwinBlock>(Enumerable.Range(0, config.Depths[stage - 1]).Select(i =>
            new SwinBlock(config, layout, width, config.NumHeads[stage - 1], shift: i % 2 == 0 ? 0 : config.WindowSize / 2))));
        if (stage < config.Depths.Count) Downsample = Add("downsample", new SwinPatchMerging(width));
    }

    /// <summary>The blocks, in order.</summary>
    public IReadOnlyList<SwinBlock> Blocks { get; }

    /// <summary>What halves the map and doubles its width after the blocks; null in the last stage.</summary>
    public SwinPatchMerging? Downsample { get; }

    /// <summary>Runs the blocks: maps tokens [B, H, W, C] to the same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        foreach (var block in Blocks) x = block.Forward(x);
        return x.MoveToOuterDisposeScope();
    }
}

/// <summary>Joins the four tokens of every 2 x 2 square (<c>SwinPatchMerging</c>).</summary>
public sealed class SwinPatchMerging : Module
{
    readonly LayerNorm _norm;
    readonly Linear _reduction;

    internal SwinPatchMerging(int width)
    {
        _norm = Add("norm", new LayerNorm(4 * width));
        _reduction = Add("reduction", new Linear(4 * width, 2 * width, bias: false));
    }

    /// <summary>Maps tokens [B, H, W, C] to [B, H / 2, W / 2, 2 C], rounded up: zeros are added right and below.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (batch, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        if (height % 2 + (width % 2) > 0) x = nn.functional.pad(x, [0, 0, 0, width % 2, 0, height % 2]);
        // Of a square's tokens the lower one comes before the right one.
        var squares = x.reshape(batch, (height + 1) / 2, 2, (width + 1) / 2, 2, channels) // [B, h, row, w, column, C]
            .permute(0, 1, 3, 4, 2, 5) // [B, h, w, column, row, C]
            .reshape(batch, (height + 1) / 2, (width + 1) / 2, 4 * channels);
        return _reduction.Forward(_norm.Forward(squares)).MoveToOuterDisposeScope();
    }
}
