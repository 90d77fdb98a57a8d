using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// The training side of a diffusion model: how much noise each timestep adds, and what the loss compares with. It has no
/// state; every method takes a batch of timesteps [B].
/// </summary>
/// <remarks>Formulas of <c>DDPMScheduler.add_noise</c> and <c>get_velocity</c> (diffusers); min-SNR-γ: Hang et al., 2023.</remarks>
public sealed class NoiseSchedule : IDisposable
{
    readonly Tensor _alphasCumprod;

    /// <summary>The schedule that <paramref name="config"/> describes.</summary>
    /// <param name="config">β and the prediction type are read; the class does not matter.</param>
    /// <param name="device">Where the tables live; default CPU.</param>
    public NoiseSchedule(SchedulerConfig config, Device? device = null)
        : this(config, terminalAlpha: null, device)
    {
    }

    internal NoiseSchedule(SchedulerConfig config, float? terminalAlpha, Device? device = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        PredictionType = config.PredictionType;
        var betas = BetaTable.Betas(config); // [T]
        var alphasCumprod = (1.0 - betas).cumprod(0); // [T]
        if (config.RescaleBetasZeroSnr && terminalAlpha is { } last) alphasCumprod[-1] = last;
        Betas = betas.data<float>().ToArray();
        AlphasCumprod = alphasCumprod.data<float>().ToArray();
        _alphasCumprod = alphasCumprod.to(device ?? CPU).DetachFromDisposeScope();
    }

    /// <summary>What the network predicts.</summary>
    public PredictionType PredictionType { get; }

    /// <summary>Training timesteps T: timesteps run from 0 to T − 1.</summary>
    public int Count => AlphasCumprod.Count;

    /// <summary>β of every timestep, [T], after any rescaling to a zero terminal signal-to-noise ratio.</summary>
    public IReadOnlyList<float> Betas { get; }

    /// <summary>ᾱ of every timestep, [T]: the share of signal variance.</summary>
    public IReadOnlyList<float> AlphasCumprod { get; }

    /// <summary>The schedule of <c>scheduler_config.json</c> in a folder.</summary>
    /// <exception cref="ConesException">The file is missing or not valid.</exception>
    public static NoiseSchedule FromFolder(string folder, Device? device = null) =>
        new(SchedulerConfig.FromFile(Path.Combine(folder, Scheduler.ConfigName)), device);

    /// <summary>√ᾱ·x₀ + √(1−ᾱ)·ε.</summary>
    /// <param name="x0">Clean samples, [B, ...].</param>
    /// <param name="noise">Standard normal noise, the shape of <paramref name="x0"/>.</param>
    /// <param name="timesteps">int64 [B], 0 to T − 1.</param>
    public Tensor AddNoise(Tensor x0, Tensor noise, Tensor timesteps)
    {
        CheckShapes(x0, noise, timesteps);
        using var scope = NewDisposeScope();
        var (signal, rest) = Coefficients(x0, timesteps);
        return (signal * x0 + rest * noise).MoveToOuterDisposeScope();
    }

    /// <summary>The velocity √ᾱ·ε − √(1−ᾱ)·x₀ (Salimans and Ho, 2022).</summary>
    /// <inheritdoc cref="AddNoise"/>
    public Tensor GetVelocity(Tensor x0, Tensor noise, Tensor timesteps)
    {
        CheckShapes(x0, noise, timesteps);
        using var scope = NewDisposeScope();
        var (signal, rest) = Coefficients(x0, timesteps);
        return (signal * noise - rest * x0).MoveToOuterDisposeScope();
    }

    /// <summary>What the network shall predict, by <see cref="PredictionType"/>: noise, velocity or clean sample, [B, ...].</summary>
    /// <inheritdoc cref="AddNoise"/>
    public Tensor Target(Tensor x0, Tensor noise, Tensor timesteps) => PredictionType switch
    {
        PredictionType.Epsilon => noise.alias(),
        PredictionType.VPrediction => GetVelocity(x0, noise, timesteps),
        _ => x0.alias(),
    };

    /// <summary>The signal-to-noise ratio ᾱ / (1 − ᾱ), float32 [B].</summary>
    /// <param name="timesteps">int64 [B], 0 to T − 1.</param>
    public Tensor Snr(Tensor timesteps)
    {
        CheckTimesteps(timesteps);
        using var scope = NewDisposeScope();
        var alpha = AlphaAt(timesteps);
        return (alpha / (1.0 - alpha)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The min-SNR-γ weight of each sample's loss, float32 [B]: min(SNR, γ) divided by SNR for noise, by SNR + 1 for velocity,
    /// and undivided for the clean sample. At a signal-to-noise ratio of zero the weight of noise is 1, its limit.
    /// </summary>
    /// <param name="timesteps">int64 [B], 0 to T − 1.</param>
    /// <param name="gamma">γ above 0; 5 in the paper.</param>
    public Tensor MinSnrWeight(Tensor timesteps, double gamma)
    {
        if (!(gamma > 0)) throw new ArgumentOutOfRangeException(nameof(gamma), gamma, "γ must be above 0");
        using var scope = NewDisposeScope();
        var snr = Snr(timesteps);
        var weight = PredictionType switch
        {
            PredictionType.Epsilon => (gamma / snr).clamp_max(1.0),
            PredictionType.VPrediction => snr.clamp_max(gamma) / (snr + 1.0),
            _ => snr.clamp_max(gamma),
        };
        return weight.MoveToOuterDisposeScope();
    }

    /// <summary>Frees the tables.</summary>
    public void Dispose() => _alphasCumprod.Dispose();

    (Tensor Signal, Tensor Noise) Coefficients(Tensor like, Tensor timesteps)
    {
        var alpha = AlphaAt(timesteps).to(like.dtype);
        long[] shape = [alpha.shape[0], .. Enumerable.Repeat(1L, like.shape.Length - 1)];
        return (alpha.sqrt().reshape(shape), (1.0 - alpha).sqrt().reshape(shape)); // [B, 1, ...]
    }

    Tensor AlphaAt(Tensor timesteps) => _alphasCumprod.index_select(0, timesteps.to(ScalarType.Int64, _alphasCumprod.device)); // [B]

    void CheckShapes(Tensor x0, Tensor noise, Tensor timesteps)
    {
        CheckTimesteps(timesteps);
        if (!x0.shape.AsSpan().SequenceEqual(noise.shape))
            throw new ArgumentException($"samples are [{string.Join(",", x0.shape)}], noise is [{string.Join(",", noise.shape)}]", nameof(noise));
        if (x0.shape.Length == 0 || (timesteps.shape[0] != x0.shape[0] && timesteps.shape[0] != 1))
            throw new ArgumentException($"{timesteps.shape[0]} timesteps for samples of [{string.Join(",", x0.shape)}]", nameof(timesteps));
    }

    void CheckTimesteps(Tensor timesteps)
    {
        if (timesteps.shape.Length != 1 || timesteps.shape[0] == 0)
            throw new ArgumentException($"timesteps must be [B], not [{string.Join(",", timesteps.shape)}]", nameof(timesteps));
        using var scope = NewDisposeScope();
        var low = timesteps.min().to(ScalarType.Int64).item<long>();
        var high = timesteps.max().to(ScalarType.Int64).item<long>();
        if (low < 0 || high >= Count)
            throw new ArgumentException($"timesteps from {low} to {high} given, 0 to {Count - 1} expected", nameof(timesteps));
    }
}
