using Cones.Models.Bert;
using Cones.Models.Glip.Configuration;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>The detection head: a tower in which image and text are fused, then logits, boxes and centerness (<c>VLDyHead</c>).</summary>
public sealed class VLDyHead : Module
{
    readonly GlipHeadConfig _config;
    readonly Conv2d _box;
    readonly Conv2d _centerness;
    readonly Linear _textProjection;
    readonly Weight _logScale;
    readonly Weight _textBias;
    readonly Weight _bias;
    readonly Weight[] _boxScales;

    internal VLDyHead(GlipConfig config)
    {
        _config = config.Head;
        var (channels, textWidth) = (_config.Channels, config.Bert.HiddenSize);
        Tower = [.. Enumerable.Range(0, _config.Layers).Select(i => new TowerLayer(config, i))];
        foreach (var layer in Tower)
            foreach (var (number, part) in layer.Parts)
                Add($"dyhead_tower.{number}", part);
        _box = Add("bbox_pred", new Conv2d(channels, 4, 1));
        _centerness = Add("centerness", new Conv2d(channels, 1, 1));
        _textProjection = Add("dot_product_projection_text", new Linear(textWidth, channels));
        _logScale = AddWeight("log_scale", 1);
        _textBias = AddWeight("bias_lang", textWidth);
        _bias = AddWeight("bias0", 1);
        _boxScales = [.. Enumerable.Range(0, GlipConfig.Levels).Select(i => AddWeight($"scales.{i}.scale", 1))];
    }

    /// <summary>The layers of the tower.</summary>
    public IReadOnlyList<TowerLayer> Tower { get; }

    /// <summary>The linear layers behind the tower. What they give has at least single precision: in bfloat16 many pixels would score the same, in float16 a zero vector has no direction.</summary>
    /// <param name="state">The tower's pixels, and the text that they are compared with.</param>
    public GlipOutputs Predict(TowerState state)
    {
        using var scope = NewDisposeScope();
        var (directions, offsets) = TextSide(state.Hidden);
        var logits = state.Levels.Select(x => Logits(SinglePrecision.Of(LevelTokens.Flatten(x)), directions, offsets)).ToArray();
        var boxes = state.Levels.Select((x, i) => SinglePrecision.Of(_box.Forward(x)) * SinglePrecision.Of(_boxScales[i].Value)).ToArray();
        var centerness = state.Levels.Select(x => SinglePrecision.Of(_centerness.Forward(x))).ToArray();
        return new GlipOutputs(logits, boxes, centerness).MoveToOuterDisposeScope();
    }

    /// <summary>Runs the tower.</summary>
    public TowerState Fuse(TowerState input, Tensor mask)
    {
        using var scope = NewDisposeScope();
        var masks = new TextMasks(mask, input.Hidden.dtype);
        var state = input;
        foreach (var layer in Tower)
        {
            var next = layer.Forward(state, masks);
            if (!ReferenceEquals(state, input)) state.Dispose();
            state = next;
        }

        return state.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The text vectors whose directions come closest to pixels in the space in which both are compared: the pseudo-inverse of
    /// <c>dot_product_projection_text</c>, without its bias.
    /// </summary>
    /// <param name="pixels">[n, C], pixels behind the tower.</param>
    /// <returns>[n, L], of any length.</returns>
    public Tensor ToText(Tensor pixels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        // [n, C] x [C, L]
        return pixels.to(ScalarType.Float32).matmul(linalg.pinv(_textProjection.Matrix.to(ScalarType.Float32)).t()).MoveToOuterDisposeScope();
    }

    // x·t / e^scale + offset, with t = W e / 2 + b and offset = e·bias_lang + bias0 for the normed text e: [B, C, T] and [B, 1, T].
    (Tensor Directions, Tensor Offsets) TextSide(Tensor text)
    {
        var normed = nn.functional.normalize(SinglePrecision.Of(text), 2, -1, 1e-12);
        var projected = _textProjection.Forward((normed / 2).to(_textProjection.Matrix.dtype));
        var directions = SinglePrecision.Of(projected) / SinglePrecision.Of(_logScale.Value).exp(); // [B, T, C]
        var offsets = (normed * SinglePrecision.Of(_textBias.Value)).sum(-1) + SinglePrecision.Of(_bias.Value); // [B, T]
        return (directions.transpose(1, 2), offsets.unsqueeze(1));
    }

    // [B, HW, C] x [B, C, T] -> [B, HW, T]
    Tensor Logits(Tensor pixels, Tensor directions, Tensor offsets) => BatchedProduct.Add(offsets, pixels, directions).clamp(-_config.Clamp, _config.Clamp);
}

/// <summary>The text's mask in the forms that the layers take.</summary>
/// <param name="mask">[B, T], 0 for padding.</param>
/// <param name="type">The type of the activations.</param>
public sealed class TextMasks(Tensor mask, ScalarType type)
{
    /// <summary>For <see cref="VLFuse"/>.</summary>
    public Tensor Image { get; } = VLFuse.ImageMask(mask, type);

    /// <summary>For <see cref="BertLayer"/>.</summary>
    public Tensor Text { get; } = BertMask.ForHeads(mask);
}
