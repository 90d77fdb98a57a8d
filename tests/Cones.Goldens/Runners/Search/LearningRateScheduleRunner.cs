using System.Text.Json;
using Cones.Search.Schedules;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Search;

/// <summary>Kind <c>lr-schedules</c>: the rate of every step, times 1e6.</summary>
sealed class LearningRateScheduleRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["lr-schedules"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var rate = golden.Params.GetProperty("lr").GetDouble();
        var steps = golden.Params.GetProperty("steps").GetInt32();
        foreach (var entry in golden.Params.GetProperty("schedules").EnumerateObject())
        {
            var (options, ownRate) = Read(entry.Value, rate);
            var schedule = new LearningRateSchedule(options, ownRate, steps);
            float[] rates = [.. Enumerable.Range(0, steps).Select(k => (float)(schedule.RateAt(k) * 1e6))];
            result.Check($"out.{entry.Name}", tensor(rates));
        }

        result.RequireAllOutputs();
    }

    // Short names as the cases write them, and those of diffusers' get_scheduler.
    static (ScheduleOptions Options, double Rate) Read(JsonElement json, double rate)
    {
        var options = new ScheduleOptions();
        foreach (var option in json.EnumerateObject())
        {
            var value = option.Value;
            if (value.ValueKind == JsonValueKind.Null) continue;
            options = option.Name switch
            {
                "name" => options with { Name = JsonSerializer.Deserialize<ScheduleKind>(value, s_enums) },
                "warmup" or "num_warmup_steps" => options with { WarmupSteps = value.GetInt32() },
                "total" or "num_training_steps" => options with { TotalSteps = value.GetInt32() },
                "cycles" or "num_cycles" => options with { Cycles = value.GetDouble() },
                "power" => options with { Power = value.GetDouble() },
                "lr_end" => options with { EndRate = value.GetDouble() },
                "step_rules" or "rules" => options with { Rules = value.GetString()! },
                "lr" => options,
                _ => throw new NotSupportedException($"schedule option '{option.Name}'"),
            };
        }

        return (options, json.TryGetProperty("lr", out var own) ? own.GetDouble() : rate);
    }

    static readonly JsonSerializerOptions s_enums = new() { Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() } };
}
