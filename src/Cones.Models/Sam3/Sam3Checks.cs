using Cones.Models.Layers;

namespace Cones.Models.Sam3;

/// <summary>What the configurations share: checks of numbers.</summary>
static class Sam3Checks
{
    public static void Positive(params ReadOnlySpan<(string Name, int Value)> values)
    {
        foreach (var (name, value) in values)
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
    }

    public static void Multiple(string name, int value, string ofName, int of)
    {
        if (value % of != 0) throw new ArgumentException($"{name} {value} is not a multiple of {ofName} {of}");
    }

    public static void Equal(string name, int value, string otherName, int other)
    {
        if (value != other) throw new ArgumentException($"{name} {value} differs from {otherName} {other}");
    }

    public static void Activation(string part, string name)
    {
        try
        {
            Activations.Named(name);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"{part} hidden_act: {e.Message}", e);
        }
    }
}
