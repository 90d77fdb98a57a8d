using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// A scheduler's options as <c>scheduler_config.json</c> of diffusers names them. What a file does not give has the default
/// of its class, as in diffusers 0.42.
/// </summary>
public sealed partial class SchedulerConfig
{
    readonly JsonObject _entries;

    SchedulerConfig(JsonObject entries, string? path)
    {
        _entries = entries;
        Path = path;
        ClassName = Text("_class_name", "");
        if (ClassName.Length == 0) throw new ConesException("_class_name is missing");
        var first = ClassName is SchedulerClasses.Ddpm or SchedulerClasses.Ddim or SchedulerClasses.Pndm;
        NumTrainTimesteps = Integer("num_train_timesteps", 1000);
        BetaStart = Number("beta_start", 0.0001);
        BetaEnd = Number("beta_end", 0.02);
        BetaSchedule = Choice("beta_schedule", "linear", s_betaSchedules);
        TrainedBetas = Given("trained_betas") is JsonArray betas ? [.. betas.Select(b => b!.GetValue<double>())] : null;
        PredictionType = Choice("prediction_type", "epsilon", s_predictionTypes);
        TimestepSpacing = Choice("timestep_spacing", first ? "leading" : "linspace", s_spacings);
        StepsOffset = Integer("steps_offset", 0);
        RescaleBetasZeroSnr = ClassName != SchedulerClasses.Pndm && Flag("rescale_betas_zero_snr", false);
        ClipSample = Flag("clip_sample", true);
        ClipSampleRange = Number("clip_sample_range", 1);
        Thresholding = Flag("thresholding", false);
        DynamicThresholdingRatio = Number("dynamic_thresholding_ratio", 0.995);
        SampleMaxValue = Number("sample_max_value", 1);
        VarianceType = Given("variance_type") is null ? null : Text("variance_type", "");
        SetAlphaToOne = Flag("set_alpha_to_one", ClassName == SchedulerClasses.Ddim);
        SkipPrkSteps = Flag("skip_prk_steps", false);
        SigmaSpacing = ReadSigmaSpacing();
        LogLinearInterpolation = Choice("interpolation_type", "linear", s_interpolations);
        ContinuousTimesteps = Choice("timestep_type", "discrete", s_timestepTypes);
        SigmaMin = Given("sigma_min")?.GetValue<double>();
        SigmaMax = Given("sigma_max")?.GetValue<double>();
        FinalSigmaIsZero = Choice("final_sigmas_type", "zero", s_finalSigmas);
        SolverOrder = Integer("solver_order", 2);
        SolverType = Text("solver_type", ClassName == SchedulerClasses.UniPc ? "bh2" : "midpoint");
        AlgorithmType = Text("algorithm_type", "dpmsolver++");
        LowerOrderFinal = Flag("lower_order_final", true);
        EulerAtFinal = Flag("euler_at_final", false);
        LambdaMinClipped = Number("lambda_min_clipped", double.NegativeInfinity);
        PredictX0 = Flag("predict_x0", true);
        DisableCorrector = Given("disable_corrector") is JsonArray off ? [.. off.Select(i => i!.GetValue<int>())] : [];
        Validate();
    }

    /// <summary>The file that the options come from, for messages; null for none.</summary>
    public string? Path { get; }

    /// <summary>The class in diffusers (<c>_class_name</c>), such as <c>DDIMScheduler</c>.</summary>
    public string ClassName { get; }

    /// <summary>Training timesteps T, at least 1.</summary>
    public int NumTrainTimesteps { get; }

    /// <summary>The first β.</summary>
    public double BetaStart { get; }

    /// <summary>The last β.</summary>
    public double BetaEnd { get; }

    /// <summary>How β grows.</summary>
    public BetaSchedule BetaSchedule { get; }

    /// <summary>β given in full, [T]; overrides <see cref="BetaSchedule"/>.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; }

    /// <summary>What the network predicts.</summary>
    public PredictionType PredictionType { get; }

    /// <summary>How the steps are spread.</summary>
    public TimestepSpacing TimestepSpacing { get; }

    /// <summary>Added to every timestep of leading spacing.</summary>
    public int StepsOffset { get; }

    /// <summary>Whether β is rescaled to a signal-to-noise ratio of zero at the last timestep (Lin et al., 2023).</summary>
    public bool RescaleBetasZeroSnr { get; }

    /// <summary>Whether the predicted clean sample is clamped to ±<see cref="ClipSampleRange"/> (DDPM, DDIM).</summary>
    public bool ClipSample { get; }

    /// <summary>The bound of <see cref="ClipSample"/>.</summary>
    public double ClipSampleRange { get; }

    /// <summary>Whether the predicted clean sample is clamped to a quantile of itself (Imagen; not for latents).</summary>
    public bool Thresholding { get; }

    /// <summary>The quantile of <see cref="Thresholding"/>, between 0 and 1.</summary>
    public double DynamicThresholdingRatio { get; }

    /// <summary>The largest bound that <see cref="Thresholding"/> may find.</summary>
    public double SampleMaxValue { get; }

    /// <summary>The variance of DDPM's noise, by default <c>fixed_small</c>.</summary>
    public string? VarianceType { get; }

    /// <summary>Whether ᾱ after the last step is 1 instead of the first training value (DDIM, PNDM).</summary>
    public bool SetAlphaToOne { get; }

    /// <summary>Whether PNDM leaves out its Runge-Kutta start.</summary>
    public bool SkipPrkSteps { get; }

    /// <summary>How the noise levels are spread (Euler, DPM-Solver++, UniPC).</summary>
    public SigmaSpacing SigmaSpacing { get; }

    /// <summary>Whether Euler interpolates σ logarithmically (<c>interpolation_type</c> = <c>log_linear</c>).</summary>
    public bool LogLinearInterpolation { get; }

    /// <summary>Whether Euler hands ¼·log σ to a v-predicting network (<c>timestep_type</c> = <c>continuous</c>).</summary>
    public bool ContinuousTimesteps { get; }

    /// <summary>The smallest σ of Karras, exponential and beta spacing; null takes it from the table.</summary>
    public double? SigmaMin { get; }

    /// <summary>The largest σ of Karras, exponential and beta spacing; null takes it from the table.</summary>
    public double? SigmaMax { get; }

    /// <summary>Whether the last step ends at σ = 0 (<c>final_sigmas_type</c> = <c>zero</c>) or at the smallest training σ.</summary>
    public bool FinalSigmaIsZero { get; }

    /// <summary>The order of the multistep solver, 1 to 3.</summary>
    public int SolverOrder { get; }

    /// <summary><c>midpoint</c> or <c>heun</c> (DPM-Solver++), <c>bh1</c> or <c>bh2</c> (UniPC).</summary>
    public string SolverType { get; }

    /// <summary><c>dpmsolver++</c>, <c>sde-dpmsolver++</c>, <c>dpmsolver</c> or <c>sde-dpmsolver</c>.</summary>
    public string AlgorithmType { get; }

    /// <summary>Whether the order falls towards the last steps.</summary>
    public bool LowerOrderFinal { get; }

    /// <summary>Whether DPM-Solver++ takes the last step at first order.</summary>
    public bool EulerAtFinal { get; }

    /// <summary>The smallest half log signal-to-noise ratio that DPM-Solver++ visits; −∞ for all.</summary>
    public double LambdaMinClipped { get; }

    /// <summary>Whether UniPC works on the clean sample instead of the noise.</summary>
    public bool PredictX0 { get; }

    /// <summary>Steps after which UniPC's corrector rests.</summary>
    public IReadOnlyList<int> DisableCorrector { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConesException">The file is missing, no JSON, or holds a value that is not supported.</exception>
    public static SchedulerConfig FromFile(string path)
    {
        if (!File.Exists(path)) throw new ConesException($"{path} is missing: a scheduler folder holds scheduler_config.json");
        try
        {
            // Python writes `-Infinity`, which JSON does not know; it stands for "no limit", as null does here.
            return new((JsonObject)JsonNode.Parse(InfinityToken().Replace(File.ReadAllText(path), "null"))!, path);
        }
        catch (Exception e) when (e is JsonException or InvalidCastException or InvalidOperationException or FormatException)
        {
            throw new ConesException($"{path} is not a valid scheduler configuration: {e.Message}", e);
        }
        catch (ConesException e)
        {
            throw new ConesException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>The options of a class with its defaults.</summary>
    /// <param name="className">A class of diffusers.</param>
    /// <param name="changes">Options that differ from the defaults.</param>
    public static SchedulerConfig For(string className, JsonObject? changes = null) =>
        new SchedulerConfig(new JsonObject { ["_class_name"] = className }, null).With(changes ?? []);

    /// <summary>
    /// These options overlaid with <paramref name="changes"/>. With another <c>_class_name</c> what was given stays, what was
    /// not has the new class's defaults, and what the new class does not know is ignored: <c>from_config</c> of diffusers.
    /// </summary>
    public SchedulerConfig With(JsonObject changes)
    {
        var entries = (JsonObject)_entries.DeepClone();
        foreach (var (name, value) in changes) entries[name] = value?.DeepClone();
        return new(entries, Path);
    }

    [GeneratedRegex(@"(?<=:\s*)-Infinity\b")]
    private static partial Regex InfinityToken();
}
