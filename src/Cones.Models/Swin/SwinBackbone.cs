using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Swin;

/// <summary>
/// Swin Transformer (arXiv 2103.14030) as the backbone of detectors: <c>SwinBackbone</c> of transformers, and the backbone of
/// GLIP. Images may have any size.
/// </summary>
public sealed class SwinBackbone : Module
{
    readonly Conv2d _projection;
    readonly LayerNorm _patchNorm;
    readonly ModuleList<SwinStage> _stages;
    readonly Dictionary<int, LayerNorm> _norms;

    /// <summary>A model without weights.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="layout">The names of the weights; null for transformers'.</param>
    /// <exception cref="ArgumentException">The configuration is impossible.</exception>
    public SwinBackbone(SwinConfig config, SwinLayout? layout = null)
    {
        config.Validate();
        layout ??= SwinLayout.HuggingFace;
        Config = config;
        _projection = Add(layout.PatchProjection, new Conv2d(config.NumChannels, config.EmbedDim, config.PatchSize, config.PatchSize));
        _patchNorm = Add(layout.PatchNorm, new LayerNorm(config.EmbedDim));
        _stages = Add(layout.Stages, new ModuleList<SwinStage>(config.Depths.Select((_, i) => new SwinStage(config, layout, i + 1))));
        _norms = config.OutStages.ToDictionary(s => s, s => Add(layout.OutputNorm(s), new LayerNorm(config.WidthOf(s))));
    }

    /// <summary>The shape.</summary>
    public SwinConfig Config { get; }

    /// <summary>The stages, in order.</summary>
    public IReadOnlyList<SwinStage> Stages => _stages;

    /// <summary>Loads a folder with <c>config.json</c> and weights of transformers, of a backbone or a classifier.</summary>
    /// <remarks>A classifier's file has a norm for its last stage only, so its configuration must give out no other one.</remarks>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static SwinBackbone FromFolder(string folder, LoadOptions? options = null, string? variant = null)
    {
        var config = SwinConfig.FromFile(Path.Combine(folder, "config.json"));
        using var checkpoint = Checkpoint.Open(folder, variant);
        var model = new SwinBackbone(config);
        try
        {
            var isBackbone = checkpoint.Tensors.Keys.Any(k => k.StartsWith("hidden_states_norms.", StringComparison.Ordinal));
            ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with
            {
                Rename = isBackbone ? SwinKeys.Backbone : key => SwinKeys.Classifier(key, config.Depths.Count),
            });
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The tokens that the first stage gets.</summary>
    /// <param name="pixels">[B, channels, H, W].</param>
    /// <returns>[B, H / patch, W / patch, C], rounded up: zeros are added right and below.</returns>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public Tensor Embed(Tensor pixels)
    {
        ShapeCheck.Require(nameof(pixels), pixels, ShapeCheck.Any, Config.NumChannels, ShapeCheck.Any, ShapeCheck.Any);
        using var scope = NewDisposeScope();
        var (below, right) = (Missing(pixels.shape[2]), Missing(pixels.shape[3]));
        if (below + right > 0) pixels = nn.functional.pad(pixels, [0, right, 0, below]);
        var patches = _projection.Forward(pixels).permute(0, 2, 3, 1); // [B, C, h, w] -> [B, h, w, C]
        return _patchNorm.Forward(patches).MoveToOuterDisposeScope();

        long Missing(long size) => (Config.PatchSize - (size % Config.PatchSize)) % Config.PatchSize;
    }

    /// <summary>Computes the maps of all stages that are given out.</summary>
    /// <param name="pixels">[B, channels, H, W], normalised for the model.</param>
    /// <returns>
    /// For each of <see cref="SwinConfig.OutStages"/> its normed output, [B, C, H', W'], with its width C and H' and W' the
    /// image's sides divided by its stride, rounded up; channels-last in memory.
    /// </returns>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public IReadOnlyList<Tensor> Forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var maps = new List<Tensor>();
        var x = Embed(pixels);
        GiveOut(0);
        for (var stage = 1; stage <= Config.OutStages[^1]; stage++)
        {
            if (stage > 1) x = _stages[stage - 2].Downsample!.Forward(x);
            x = _stages[stage - 1].Forward(x);
            GiveOut(stage);
        }

        return maps;

        // [B, H, W, C] -> [B, C, H, W]
        void GiveOut(int stage)
        {
            if (_norms.TryGetValue(stage, out var norm)) maps.Add(norm.Forward(x).permute(0, 3, 1, 2).MoveToOuterDisposeScope());
        }
    }
}
