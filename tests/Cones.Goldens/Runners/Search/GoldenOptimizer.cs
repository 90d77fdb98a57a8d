using System.Text.Json;
using Cones.Search.Optimizers;

namespace Cones.Goldens.Runners.Search;

/// <summary>Reads <c>params.optimizer</c> of a training case, in torch.optim's names.</summary>
public static class GoldenOptimizer
{
    /// <summary>The options; torch.optim's defaults where the case says nothing.</summary>
    /// <param name="json">The case's optimiser.</param>
    /// <param name="defaultName">Its name where the case's kind says it.</param>
    public static OptimizerOptions Read(JsonElement json, string? defaultName = null)
    {
        var name = defaultName is null || json.TryGetProperty("name", out _) ? json.GetProperty("name").GetString()! : defaultName;
        var kind = Enum.Parse<OptimizerKind>(name, ignoreCase: true);
        var options = new OptimizerOptions
        {
            Name = kind,
            LearningRate = 1e-3,
            WeightDecay = kind == OptimizerKind.AdamW ? 1e-2 : 0,
        };
        foreach (var option in json.EnumerateObject())
        {
            var value = option.Value;
            options = option.Name switch
            {
                "name" => options,
                "lr" => options with { LearningRate = value.GetDouble() },
                "betas" => options with { Beta1 = value[0].GetDouble(), Beta2 = value[1].GetDouble() },
                "eps" => options with { Epsilon = value.GetDouble() },
                "weight_decay" => options with { WeightDecay = value.GetDouble() },
                "amsgrad" => options with { AmsGrad = value.GetBoolean() },
                "momentum" => options with { Momentum = value.GetDouble() },
                "dampening" => options with { Dampening = value.GetDouble() },
                "nesterov" => options with { Nesterov = value.GetBoolean() },
                _ => throw new NotSupportedException($"optimizer option '{option.Name}'"),
            };
        }

        return options;
    }
}
