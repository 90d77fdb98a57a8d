using System.Text.Json.Nodes;

namespace Cones.Models.StableDiffusion.Schedulers;

public sealed partial class SchedulerConfig
{
    static readonly Dictionary<string, BetaSchedule> s_betaSchedules = new()
    {
        ["linear"] = BetaSchedule.Linear,
        ["scaled_linear"] = BetaSchedule.ScaledLinear,
        ["squaredcos_cap_v2"] = BetaSchedule.SquaredCosCapV2,
        ["sigmoid"] = BetaSchedule.Sigmoid,
        ["laplace"] = BetaSchedule.Laplace,
    };

    static readonly Dictionary<string, PredictionType> s_predictionTypes = new()
    {
        ["epsilon"] = PredictionType.Epsilon,
        ["v_prediction"] = PredictionType.VPrediction,
        ["sample"] = PredictionType.Sample,
        ["original_sample"] = PredictionType.Sample,
    };

    static readonly Dictionary<string, TimestepSpacing> s_spacings = new()
    {
        ["linspace"] = TimestepSpacing.Linspace,
        ["leading"] = TimestepSpacing.Leading,
        ["trailing"] = TimestepSpacing.Trailing,
    };

    static readonly Dictionary<string, bool> s_interpolations = new() { ["linear"] = false, ["log_linear"] = true };
    static readonly Dictionary<string, bool> s_timestepTypes = new() { ["discrete"] = false, ["continuous"] = true };
    static readonly Dictionary<string, bool> s_finalSigmas = new() { ["zero"] = true, ["sigma_min"] = false };

    JsonNode? Given(string name) => _entries.TryGetPropertyValue(name, out var value) ? value : null;

    string Text(string name, string otherwise) => Given(name)?.GetValue<string>() ?? otherwise;

    int Integer(string name, int otherwise) => Given(name)?.GetValue<int>() ?? otherwise;

    double Number(string name, double otherwise) => Given(name)?.GetValue<double>() ?? otherwise;

    bool Flag(string name, bool otherwise) => Given(name)?.GetValue<bool>() ?? otherwise;

    T Choice<T>(string name, string otherwise, Dictionary<string, T> choices)
    {
        var value = Text(name, otherwise);
        return choices.TryGetValue(value, out var choice)
            ? choice
            : throw new ConesException($"{name} '{value}' is not supported ({string.Join(", ", choices.Keys)})");
    }

    SigmaSpacing ReadSigmaSpacing()
    {
        var wanted = new List<SigmaSpacing>();
        if (Flag("use_karras_sigmas", false)) wanted.Add(SigmaSpacing.Karras);
        if (Flag("use_exponential_sigmas", false)) wanted.Add(SigmaSpacing.Exponential);
        if (Flag("use_beta_sigmas", false)) wanted.Add(SigmaSpacing.Beta);
        if (wanted.Count > 1) throw new ConesException("only one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas can be true");
        if (wanted.Count == 1) return wanted[0];
        return ClassName == SchedulerClasses.DpmSolver && Flag("use_lu_lambdas", false) ? SigmaSpacing.Lu : SigmaSpacing.Timesteps;
    }

    void Validate()
    {
        if (NumTrainTimesteps < 1) throw new ConesException($"num_train_timesteps is {NumTrainTimesteps}, at least 1 expected");
        if (TrainedBetas is { } betas && betas.Count != NumTrainTimesteps)
            throw new ConesException($"trained_betas has {betas.Count} entries, num_train_timesteps is {NumTrainTimesteps}");
        var highest = ClassName == SchedulerClasses.DpmSolver ? 3 : int.MaxValue;
        if (ClassName is SchedulerClasses.DpmSolver or SchedulerClasses.UniPc && (SolverOrder < 1 || SolverOrder > highest))
            throw new ConesException($"solver_order is {SolverOrder}, {(highest == 3 ? "1 to 3" : "at least 1")} expected");
        if (DynamicThresholdingRatio is < 0 or > 1)
            throw new ConesException($"dynamic_thresholding_ratio is {DynamicThresholdingRatio}, 0 to 1 expected");
        if (Given("solver_p") is not null) throw new ConesException("solver_p, another scheduler inside UniPC, is not supported");
        if (Flag("use_flow_sigmas", false))
            throw new ConesException("use_flow_sigmas belongs to flow-matching models, which are not supported");
    }
}
