using Cones.Models.Layers;

namespace Cones.Models.Sam;

/// <summary>What the configurations share: checks of numbers.</summary>
static class SamChecks
{
    public static void Positive(params ReadOnlySpan<(string Name, int Value)> values)
    {
        foreach (var (name, value) in values)
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
    }

    public static void Epsilon(double value)
    {
        if (!(value > 0)) throw new ArgumentException($"layer_norm_eps is {value}, but must be above 0");
    }

    public static void Multiple(string name, int value, string ofName, int of)
    {
        if (value % of != 0) throw new ArgumentException($"{name} {value} is not a multiple of {ofName} {of}");
    }

    public static void Activation(string name)
    {
        try
        {
            Activations.Named(name);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"hidden_act: {e.Message}", e);
        }
    }
}
