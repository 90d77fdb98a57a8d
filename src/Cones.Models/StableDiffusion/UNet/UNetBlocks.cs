using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>One level on the way down: ResNets, each followed by a transformer where the level attends to the prompt.</summary>
/// <remarks>diffusers' <c>DownBlock2D</c> and <c>CrossAttnDownBlock2D</c>.</remarks>
public sealed class DownBlock : Module
{
    readonly ModuleList<ResnetBlock2D> _resnets;
    readonly ModuleList<Transformer2DModel>? _attentions;
    readonly Downsample2D? _downsampler;

    /// <summary>The block of level <paramref name="level"/>.</summary>
    public DownBlock(UNet2DConditionConfig config, int level, int inChannels, int timeDim)
    {
        var channels = config.BlockOutChannels[level];
        var layers = config.LayersPerBlock[level];
        if (config.DownCrossAttention[level])
            _attentions = Add("attentions", new ModuleList<Transformer2DModel>(Enumerable.Range(0, layers).Select(i =>
                new Transformer2DModel(channels, config.AttentionHeads[level], config.TransformerDepth(level, i), config, config.AttendsToPromptOnly(level)))));
        _resnets = Add("resnets", new ModuleList<ResnetBlock2D>(Enumerable.Range(0, layers).Select(i =>
            new ResnetBlock2D(i == 0 ? inChannels : channels, channels, timeDim, config.NormNumGroups, config.NormEps, config.ActFn, config.ResnetTimeConditioning))));
        if (level < config.BlockOutChannels.Count - 1)
            _downsampler = Add("downsamplers.0", new Downsample2D(channels, config.DownsamplePadding));
    }

    /// <summary>The number of hidden states that <see cref="Forward"/> leaves for the way up.</summary>
    public int SkipCount => _resnets.Count + (_downsampler is null ? 0 : 1);

    /// <summary>The number of transformer blocks in each transformer, 0 without attention.</summary>
    public IEnumerable<int> TransformerDepths => _attentions?.Select(a => a.Blocks.Count) ?? [];

    /// <summary>Maps [B, in, H, W] to [B, C, H/2, W/2] and pushes every hidden state on <paramref name="skips"/>.</summary>
    public Tensor Forward(Tensor x, Tensor activatedTime, CrossAttentionStates.Reader prompts, Stack<Tensor> skips)
    {
        for (var i = 0; i < _resnets.Count; i++)
        {
            x = _resnets[i].Forward(x, activatedTime);
            if (_attentions is not null)
            {
                using var before = x;
                x = _attentions[i].Forward(before, prompts);
            }

            skips.Push(x);
        }

        if (_downsampler is null) return x;
        x = _downsampler.Forward(x);
        skips.Push(x);
        return x;
    }
}

/// <summary>What stands at the coarsest level: diffusers' <c>UNetMidBlock2DCrossAttn</c> or <c>UNetMidBlock2D</c>.</summary>
public sealed class MidBlock : Module
{
    readonly ModuleList<ResnetBlock2D> _resnets;
    readonly ModuleList<Transformer2DModel>? _attentions;

    /// <summary>The block between down and up.</summary>
    public MidBlock(UNet2DConditionConfig config, int timeDim)
    {
        var channels = config.BlockOutChannels[^1];
        var attends = config.MidBlock == MidBlockKind.CrossAttention;
        if (attends)
            _attentions = Add("attentions", new ModuleList<Transformer2DModel>(
                [new Transformer2DModel(channels, config.AttentionHeads[^1], config.TransformerDepth(config.BlockOutChannels.Count - 1, 0), config)]));
        _resnets = Add("resnets", new ModuleList<ResnetBlock2D>(Enumerable.Range(0, attends ? 2 : 1).Select(_ =>
            new ResnetBlock2D(channels, channels, timeDim, config.NormNumGroups, config.NormEps, config.ActFn, config.ResnetTimeConditioning, config.MidBlockScaleFactor))));
    }

    /// <summary>The number of transformer blocks in each transformer.</summary>
    public IEnumerable<int> TransformerDepths => _attentions?.Select(a => a.Blocks.Count) ?? [];

    /// <summary>Maps [B, C, H, W] to the same shape.</summary>
    public Tensor Forward(Tensor x, Tensor activatedTime, CrossAttentionStates.Reader prompts)
    {
        using var scope = NewDisposeScope();
        x = _resnets[0].Forward(x, activatedTime);
        if (_attentions is not null) x = _resnets[1].Forward(_attentions[0].Forward(x, prompts), activatedTime);
        return x.MoveToOuterDisposeScope();
    }
}

/// <summary>One level on the way up: takes the hidden states that the way down left.</summary>
/// <remarks>diffusers' <c>UpBlock2D</c> and <c>CrossAttnUpBlock2D</c>.</remarks>
public sealed class UpBlock : Module
{
    readonly ModuleList<ResnetBlock2D> _resnets;
    readonly ModuleList<Transformer2DModel>? _attentions;
    readonly Upsample2D? _upsampler;

    /// <summary>The block number <paramref name="index"/> from the coarsest level.</summary>
    public UpBlock(UNet2DConditionConfig config, int index, int timeDim)
    {
        var levels = config.BlockOutChannels.Count;
        var level = levels - 1 - index;
        var channels = config.BlockOutChannels[level];
        var fromBelow = config.BlockOutChannels[Math.Min(level + 1, levels - 1)];
        var skipOfLast = config.BlockOutChannels[Math.Max(level - 1, 0)];
        var layers = config.LayersPerBlock[level] + 1;
        if (config.UpCrossAttention[index])
            _attentions = Add("attentions", new ModuleList<Transformer2DModel>(Enumerable.Range(0, layers).Select(i =>
                new Transformer2DModel(channels, config.AttentionHeads[level], config.UpTransformerDepth(index, i), config, config.AttendsToPromptOnly(level)))));
        _resnets = Add("resnets", new ModuleList<ResnetBlock2D>(Enumerable.Range(0, layers).Select(i =>
        {
            var hidden = i == 0 ? fromBelow : channels;
            var skip = i == layers - 1 ? skipOfLast : channels;
            return new ResnetBlock2D(hidden + skip, channels, timeDim, config.NormNumGroups, config.NormEps, config.ActFn, config.ResnetTimeConditioning);
        })));
        if (index < levels - 1) _upsampler = Add("upsamplers.0", new Upsample2D(channels));
    }

    /// <summary>The number of transformer blocks in each transformer, 0 without attention.</summary>
    public IEnumerable<int> TransformerDepths => _attentions?.Select(a => a.Blocks.Count) ?? [];

    /// <summary>Maps [B, in, H, W] to [B, C, 2H, 2W], or to the size of the next hidden state on <paramref name="skips"/>.</summary>
    public Tensor Forward(Tensor x, Tensor activatedTime, CrossAttentionStates.Reader prompts, Stack<Tensor> skips)
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < _resnets.Count; i++)
        {
            using var inner = NewDisposeScope();
            using var skip = skips.Pop();
            x = _resnets[i].Forward(cat([x, skip], 1), activatedTime); // [B, hidden + skip, H, W] -> [B, C, H, W]
            if (_attentions is not null) x = _attentions[i].Forward(x, prompts);
            x.MoveToOuterDisposeScope();
        }

        if (_upsampler is not null) x = _upsampler.Forward(x, skips.Peek().shape[2], skips.Peek().shape[3]);
        return x.MoveToOuterDisposeScope();
    }
}
