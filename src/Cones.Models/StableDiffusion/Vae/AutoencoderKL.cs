using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Vae;

/// <summary>The variational autoencoder of Stable Diffusion, as diffusers' <c>AutoencoderKL</c>.</summary>
public sealed class AutoencoderKL : Module
{
    readonly Encoder _encoder;
    readonly Decoder _decoder;
    readonly Conv2d? _quantConv;
    readonly Conv2d? _postQuantConv;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public AutoencoderKL(AutoencoderKLConfig config)
    {
        config.Validate();
        Config = config;
        _encoder = Add("encoder", new Encoder(config));
        _decoder = Add("decoder", new Decoder(config));
        if (config.UseQuantConv) _quantConv = Add("quant_conv", new Conv2d(2 * config.LatentChannels, 2 * config.LatentChannels, 1));
        if (config.UsePostQuantConv) _postQuantConv = Add("post_quant_conv", new Conv2d(config.LatentChannels, config.LatentChannels, 1));
    }

    /// <summary>The configuration.</summary>
    public AutoencoderKLConfig Config { get; }

    /// <summary>Loads a folder with <c>config.json</c> and weights; both naming schemes of the attention are known.</summary>
    public static AutoencoderKL FromFolder(string folder, LoadOptions? options = null)
    {
        var model = new AutoencoderKL(AutoencoderKLConfig.FromFile(Path.Combine(folder, "config.json")));
        using var checkpoint = Checkpoint.Open(folder);
        ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = RenameLegacyAttention });
        model.ToChannelsLast();
        return model;
    }

    /// <summary>Maps the attention keys of early files (<c>query</c>, <c>proj_attn</c>, ...) to today's.</summary>
    public static string RenameLegacyAttention(string key)
    {
        if (!key.Contains(".attentions.", StringComparison.Ordinal)) return key;
        foreach (var (old, now) in ((string, string)[])[(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")])
            key = key.Replace(old, now, StringComparison.Ordinal);
        return key;
    }

    /// <summary>Encodes pixels.</summary>
    /// <param name="pixels">[B, 3, H, W], in [-1, 1]; H and W multiples of <see cref="AutoencoderKLConfig.Reduction"/>.</param>
    /// <returns>The distribution of the latents, not scaled.</returns>
    /// <exception cref="ArgumentException">The shape does not fit.</exception>
    public DiagonalGaussian Encode(Tensor pixels)
    {
        if (pixels.dim() != 4 || pixels.shape[1] != Config.InChannels)
            throw new ArgumentException($"pixels have shape [{string.Join(",", pixels.shape)}], [B,{Config.InChannels},H,W] expected", nameof(pixels));
        using var scope = NewDisposeScope();
        var moments = _encoder.Forward(pixels);
        if (_quantConv is not null) moments = _quantConv.Forward(moments);
        var halves = moments.chunk(2, 1); // [B, 2C, h, w] -> 2 x [B, C, h, w]
        return new DiagonalGaussian(halves[0].MoveToOuterDisposeScope(), halves[1].clamp(-30, 20).MoveToOuterDisposeScope());
    }

    /// <summary>Decodes latents that are not scaled.</summary>
    /// <param name="latents">[B, C, h, w].</param>
    /// <returns>Pixels, about [-1, 1], [B, 3, H, W].</returns>
    /// <exception cref="ArgumentException">The shape does not fit.</exception>
    public Tensor Decode(Tensor latents)
    {
        if (latents.dim() != 4 || latents.shape[1] != Config.LatentChannels)
            throw new ArgumentException($"latents have shape [{string.Join(",", latents.shape)}], [B,{Config.LatentChannels},h,w] expected", nameof(latents));
        using var scope = NewDisposeScope();
        return _decoder.Forward(_postQuantConv?.Forward(latents) ?? latents).MoveToOuterDisposeScope();
    }

    /// <summary>Maps the encoder's latents, [B, C, h, w], to what the UNet sees.</summary>
    public Tensor Scale(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var (mean, factor) = Statistics(latents);
        return ((latents - mean) * factor).MoveToOuterDisposeScope();
    }

    /// <summary>The inverse of <see cref="Scale"/>.</summary>
    public Tensor Unscale(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var (mean, factor) = Statistics(latents);
        return ((latents / factor) + mean).MoveToOuterDisposeScope();
    }

    // What is subtracted from a latent and what it is multiplied by then: numbers, or one for each channel, [1, C, 1, 1].
    (Tensor Mean, Tensor Factor) Statistics(Tensor like) => Config is { LatentsMean: { } means, LatentsStd: { } deviations }
        ? (PerChannel(means, like), PerChannel([.. deviations.Select(d => Config.ScalingFactor / d)], like))
        : (tensor(Config.ShiftFactor, like.dtype, like.device), tensor(Config.ScalingFactor, like.dtype, like.device));

    static Tensor PerChannel(IReadOnlyList<double> values, Tensor like) => tensor(values.ToArray(), like.dtype, like.device).view(1, -1, 1, 1);
}
