using Cones.Models.Layers;
using Cones.Models.Swin;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Vision;

/// <summary>The image side before the fusion: backbone, projections to one width, position embeddings.</summary>
sealed class GroundingDinoVision : Module
{
    readonly ModuleList<InputProjection> _projections;
    readonly LearnedPositions? _learnedPositions;
    readonly Weight _levelEmbed;
    readonly GroundingDinoConfig _config;

    public GroundingDinoVision(GroundingDinoConfig c)
    {
        _config = c;
        Backbone = Add("backbone.conv_encoder.model", new SwinBackbone(c.Backbone));
        if (c.LearnedPositions) _learnedPositions = Add("backbone.position_embedding", new LearnedPositions(c.DModel));
        _projections = Add("input_proj_vision", new ModuleList<InputProjection>(Enumerable.Range(0, c.NumFeatureLevels).Select(l => Projection(c, l))));
        _levelEmbed = AddWeight("level_embed", c.NumFeatureLevels, c.DModel);
    }

    public SwinBackbone Backbone { get; }

    /// <summary>Encodes images.</summary>
    /// <param name="pixels">[B, 3, H, W], normalised, zero outside the image.</param>
    /// <param name="pixelMask">[B, H, W], non-zero inside the image; null where all of it is.</param>
    public ImageFeatures Forward(Tensor pixels, Tensor? pixelMask)
    {
        using var scope = NewDisposeScope();
        var backboneMaps = Backbone.Forward(pixels);
        var mask = pixelMask ?? ones([pixels.shape[0], pixels.shape[2], pixels.shape[3]], ScalarType.Bool, pixels.device);
        var (levels, features, positions, masks, ratios) = (new List<FeatureLevel>(), new List<Tensor>(), new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        Tensor? previous = null;
        for (var l = 0; l < _projections.Count; l++)
        {
            // The first level beyond the backbone's reads its last map, the further ones the level before.
            var source = l < backboneMaps.Count ? backboneMaps[l] : l == backboneMaps.Count ? backboneMaps[^1] : previous!;
            var map = previous = _projections[l].Forward(source); // [B, D, h, w]
            var level = new FeatureLevel(map.shape[2], map.shape[3]);
            var valid = FeatureGrid.Downsample(mask, level);
            levels.Add(level);
            features.Add(map.flatten(2).transpose(1, 2)); // [B, D, h, w] -> [B, h w, D]
            positions.Add(Positions(valid, level).flatten(1, 2) + _levelEmbed.Value[l]); // [B, h, w, D] -> [B, h w, D]
            masks.Add(valid.flatten(1)); // [B, h w]
            ratios.Add(FeatureGrid.ValidRatio(valid));
        }

        var padding = cat(masks, 1).logical_not();
        var hasPadding = padding.any().item<bool>();
        return new ImageFeatures(
            cat(features, 1), cat(positions, 1), hasPadding ? padding : null, stack(ratios, 1), levels).MoveToOuterDisposeScope();
    }

    Tensor Positions(Tensor valid, FeatureLevel level)
    {
        var positions = _learnedPositions?.Forward(level).expand(valid.shape[0], -1, -1, -1) ?? SinePositions.OfImage(valid, _config.DModel, _config.PositionTemperature);
        return positions.to(_levelEmbed.Value.dtype);
    }

    static InputProjection Projection(GroundingDinoConfig c, int level) =>
        level < c.BackboneChannels.Count
            ? new InputProjection(c.BackboneChannels[level], c.DModel, kernel: 1, stride: 1)
            : new InputProjection(level == c.BackboneChannels.Count ? c.BackboneChannels[^1] : c.DModel, c.DModel, kernel: 3, stride: 2);
}

/// <summary>A convolution to the common width, and a norm.</summary>
sealed class InputProjection : Module
{
    readonly Conv2d _convolution;
    readonly GroupNorm _norm;

    public InputProjection(int inChannels, int outChannels, int kernel, int stride)
    {
        _convolution = Add("0", new Conv2d(inChannels, outChannels, kernel, stride, padding: kernel / 2));
        _norm = Add("1", new GroupNorm(GroundingDinoConfigChecks.Groups, outChannels, 1e-5));
    }

    public Tensor Forward(Tensor x) => _norm.Forward(_convolution.Forward(x));
}
