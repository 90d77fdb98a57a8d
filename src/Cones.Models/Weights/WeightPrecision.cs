using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>The floating-point types of frozen weights, by their names on command lines.</summary>
public static class WeightPrecision
{
    static readonly (ScalarType Type, string Name)[] s_names = [(ScalarType.Float32, "fp32"), (ScalarType.BFloat16, "bf16"), (ScalarType.Float16, "fp16")];

    /// <summary>Every name.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_names.Select(n => n.Name)];

    /// <summary>The type of a name.</summary>
    /// <exception cref="ConesException">The name is not known.</exception>
    public static ScalarType Find(string name)
    {
        foreach (var (type, known) in s_names)
            if (known == name) return type;
        throw new ConesException($"the precision '{name}' is not known: {string.Join(", ", Names)} (--precision)");
    }

    /// <summary>The name of a type.</summary>
    /// <exception cref="ArgumentException">Frozen weights cannot have it.</exception>
    public static string NameOf(ScalarType type)
    {
        foreach (var (known, name) in s_names)
            if (known == type) return name;
        throw new ArgumentException($"weights cannot be {type}", nameof(type));
    }
}
