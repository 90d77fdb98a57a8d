using Cones.Models.Bert;
using Cones.Models.Glip.Configuration;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>One layer of the tower: fusion, a transformer layer on the text, a dynamic convolution on the image.</summary>
public sealed class TowerLayer
{
    internal TowerLayer(GlipConfig config, int index)
    {
        var head = config.Head;
        Fusion = head.EarlyFusion ? new VLFuse(head, config.Bert.HiddenSize) : null;
        Text = head.HasTextLayer(index) ? new BertLayer(config.Bert, head.Clamp) : null;
        Convolution = new DyConv(head);
        var first = head.EarlyFusion ? 3 * index : index;
        var parts = new List<(int, Module)>();
        if (Fusion is not null) parts.Add((first, Fusion));
        if (Text is not null) parts.Add((first + 1, Text));
        parts.Add((head.EarlyFusion ? first + 2 : first, Convolution));
        Parts = parts;
    }

    /// <summary>The fusion; null in a model without.</summary>
    public VLFuse? Fusion { get; }

    /// <summary>The text's layer; null where nothing would read what it computes.</summary>
    public BertLayer? Text { get; }

    /// <summary>The image's layer.</summary>
    public DyConv Convolution { get; }

    /// <summary>The parts with their numbers in the checkpoint, which counts all parts of all layers.</summary>
    internal IReadOnlyList<(int Number, Module Module)> Parts { get; }

    /// <summary>Runs the layer.</summary>
    public TowerState Forward(TowerState state, TextMasks masks)
    {
        using var scope = NewDisposeScope();
        if (Fusion is not null) state = Fusion.Forward(state, masks.Image);
        // An alias: the state itself may be the caller's, and must not move with what is made here.
        var hidden = Text?.Forward(state.Hidden, masks.Text) ?? state.Hidden.alias();
        return new TowerState(Convolution.Forward(state.Levels), hidden).MoveToOuterDisposeScope();
    }
}
