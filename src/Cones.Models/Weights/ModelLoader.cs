using System.Text;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>How <see cref="ModelLoader"/> maps a checkpoint to a model.</summary>
public sealed record LoadOptions
{
    /// <summary>Turns a checkpoint's key into the model's, or into null for a key to be ignored. Default: as it is.</summary>
    public Func<string, string?> Rename { get; init; } = key => key;

    /// <summary>The floating-point type of the loaded weights.</summary>
    public ScalarType Type { get; init; } = ScalarType.Float32;

    /// <summary>The device of the loaded weights.</summary>
    public Device Device { get; init; } = CPU;
}

/// <summary>Fills a model's weights from a checkpoint.</summary>
public static class ModelLoader
{
    /// <summary>Loads every weight of <paramref name="model"/>.</summary>
    /// <exception cref="ConesException">Keys are missing, unexpected, or of another shape; the message lists them all.</exception>
    public static void Load(Module model, ICheckpoint checkpoint, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        var plan = Match(model, checkpoint, options);
        using var noGrad = no_grad();
        foreach (var (weight, key) in plan)
        {
            using var scope = NewDisposeScope();
            var stored = checkpoint.Read(key, options.Type);
            weight.Assign(stored.to(options.Device));
        }
    }

    /// <summary>Pairs every weight with its key in the checkpoint, without reading a tensor.</summary>
    /// <exception cref="ConesException">As <see cref="Load"/>.</exception>
    public static IReadOnlyList<(Weight Weight, string Key)> Match(Module model, ICheckpoint checkpoint, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        var stored = new Dictionary<string, string>();
        foreach (var key in checkpoint.Tensors.Keys)
            if (options.Rename(key) is { } name) stored[name] = key;

        var plan = new List<(Weight, string)>();
        var missing = new List<string>();
        var mismatched = new List<string>();
        foreach (var (name, weight) in model.NamedWeights())
        {
            if (!stored.Remove(name, out var key))
                missing.Add($"{name} [{string.Join(",", weight.Shape)}]");
            else if (!checkpoint.Tensors[key].Shape.SequenceEqual(weight.Shape))
                mismatched.Add($"{key}: [{string.Join(",", checkpoint.Tensors[key].Shape)}] in the file, [{string.Join(",", weight.Shape)}] in the model");
            else
                plan.Add((weight, key));
        }

        if (missing.Count + mismatched.Count + stored.Count == 0) return plan;

        var message = new StringBuilder($"{checkpoint.Path} does not fit the model that its configuration describes");
        Append(message, "missing", missing);
        Append(message, "unexpected", [.. stored.Values]);
        Append(message, "of another shape", mismatched);
        throw new ConesException(message.ToString());
    }

    static void Append(StringBuilder message, string what, IReadOnlyList<string> keys)
    {
        if (keys.Count > 0) message.Append($"\n  {keys.Count} {what}: {string.Join("; ", keys)}");
    }
}
