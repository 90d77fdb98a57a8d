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

    /// <summary>Encodes images into the maps of all levels, which do not depend on the text.</summary>
    /// <param name="pixels">[B, 3, H, W], normalised, zero outside the image.</param>
    /// <returns>[B, D, h, w] each, from the finest.</returns>
    public IReadOnlyList<Tensor> Maps(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var backboneMaps = Backbone.Forward(pixels);
        var maps = new List<Tensor>();
        foreach (var projection in _projections)
        {
            // The first level beyond the backbone's reads its last map, the further ones the level before.
            var source = maps.Count < backboneMaps.Count ? backboneMaps[maps.Count] : maps.Count == backboneMaps.Count ? backboneMaps[^1] : maps[^1];
            maps.Add(projection.Forward(source));
        }

        return [.. maps.Select(m => m.MoveToOuterDisposeScope())];
    }

    /// <summary>Joins the maps, and adds where each position lies.</summary>
    /// <param name="maps">[B, D, h, w] each.</param>
    /// <param name="pixelMask">[B, H, W], non-zero inside the image; null where all of it is.</param>
    public ImageFeatures Join(IReadOnlyList<Tensor> maps, Tensor? pixelMask)
    {
        using var scope = NewDisposeScope();
        var (levels, features, positions, masks, ratios) = (new List<FeatureLevel>(), new List<Tensor>(), new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        foreach (var map in maps)
        {
            var level = new FeatureLevel(map.shape[2], map.shape[3]);
            var valid = pixelMask is null ? ones([map.shape[0], level.Height, level.Width], ScalarType.Bool, map.device) : FeatureGrid.Downsample(pixelMask, level);
            levels.Add(level);
            features.Add(map.flatten(2).transpose(1, 2)); // [B, D, h, w] -> [B, h w, D]
            positions.Add(Positions(valid, level).flatten(1, 2) + _levelEmbed.Value[levels.Count - 1]); // [B, h, w, D] -> [B, h w, D]
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
