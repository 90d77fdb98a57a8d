using System.Text.Json.Serialization;

namespace Cones.Search.Optimizers;

/// <summary>The update rules.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).</summary>
    [JsonStringEnumMemberName("adamw")]
    AdamW,

    /// <summary>Adam (Kingma and Ba, arXiv 1412.6980), weight decay as an L2 term of the loss.</summary>
    [JsonStringEnumMemberName("adam")]
    Adam,

    /// <summary>Stochastic gradient descent, with momentum where asked for.</summary>
    [JsonStringEnumMemberName("sgd")]
    Sgd,
}

/// <summary>The options of an <see cref="Optimizer"/>; names and meaning as in torch.optim.</summary>
public sealed record OptimizerOptions
{
    /// <summary>The update rule.</summary>
    public OptimizerKind Name { get; init; } = OptimizerKind.AdamW;

    /// <summary>The base learning rate, at least 0; a schedule multiplies it.</summary>
    public double LearningRate { get; init; } = 5e-3;

    /// <summary>Decay of the first moment, in [0, 1). Adam only.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1). Adam only.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>What is added to the root of the second moment, at least 0. Adam only.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Weight decay, at least 0: decoupled for AdamW, an L2 term of the gradient else.</summary>
    public double WeightDecay { get; init; } = 1e-2;

    /// <summary>Whether the largest second moment so far is used (AMSGrad). Adam only.</summary>
    public bool AmsGrad { get; init; }

    /// <summary>Momentum, in [0, 1). SGD only.</summary>
    public double Momentum { get; init; }

    /// <summary>Damping of the momentum, in [0, 1]. SGD only.</summary>
    public double Dampening { get; init; }

    /// <summary>Nesterov's momentum; needs momentum without damping. SGD only.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Factors of the learning rate for single parameters, by name, at least 0; 1 for all others.</summary>
    public IReadOnlyDictionary<string, double> RateFactors { get; init; } = new Dictionary<string, double>();

    /// <summary>Factors of rate and decay for parameters by parts of their names, beside <see cref="RateFactors"/>.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; init; } = [];

    /// <summary>Every option that is out of its range, one sentence each.</summary>
    public IEnumerable<string> Problems()
    {
        if (!Enum.IsDefined(Name)) yield return $"the optimiser {(int)Name} is unknown";
        if (!(LearningRate >= 0 && double.IsFinite(LearningRate))) yield return $"the learning rate is {LearningRate}, it must be at least 0";
        if (!(WeightDecay >= 0 && double.IsFinite(WeightDecay))) yield return $"the weight decay is {WeightDecay}, it must be at least 0";
        if (!(Epsilon >= 0 && double.IsFinite(Epsilon))) yield return $"epsilon is {Epsilon}, it must be at least 0";
        if (!(Beta1 is >= 0 and < 1)) yield return $"beta1 is {Beta1}, it must be in [0, 1)";
        if (!(Beta2 is >= 0 and < 1)) yield return $"beta2 is {Beta2}, it must be in [0, 1)";
        if (!(Momentum is >= 0 and < 1)) yield return $"the momentum is {Momentum}, it must be in [0, 1)";
        if (!(Dampening is >= 0 and <= 1)) yield return $"the dampening is {Dampening}, it must be in [0, 1]";
        if (Nesterov && (Momentum == 0 || Dampening != 0))
            yield return $"Nesterov's momentum needs a momentum above 0 and no dampening, they are {Momentum} and {Dampening}";
        foreach (var (name, factor) in RateFactors)
            if (!(factor >= 0 && double.IsFinite(factor))) yield return $"the rate factor of '{name}' is {factor}, it must be at least 0";
        foreach (var problem in Groups.SelectMany(g => g.Problems())) yield return problem;
    }
}
