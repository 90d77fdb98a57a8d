using Cones.Models.Configuration;
using Cones.Models.Layers;

namespace Cones.Models.Clip;

/// <summary>What the configurations of both towers share: where a joint model's file has them, and checks of numbers.</summary>
static class ClipTowers
{
    /// <summary>Whether this is the configuration of a joint model.</summary>
    public static bool IsJoint(ConfigReader json) =>
        json.Has("text_config") || json.Has("vision_config") || json.Has("text_config_dict") || json.Has("vision_config_dict");

    /// <summary>The part <paramref name="name"/> of a joint model's configuration; an empty one where it has none.</summary>
    /// <remarks>Early files repeat it under <c>name_dict</c>, which then replaces the other one (CLIPConfig of transformers).</remarks>
    public static ConfigReader Part(ConfigReader json, string name)
    {
        foreach (var key in (ReadOnlySpan<string>)[$"{name}_dict", name])
            if (json.Has(key))
                return json.Child(key) ?? throw new ConesException($"{json.Path}: {key} is no object");
        return ConfigReader.Parse("{}", json.Path);
    }

    /// <summary>Turns what <paramref name="validate"/> finds wrong into a message that names the file.</summary>
    public static T Checked<T>(ConfigReader json, T config, Action<T> validate)
    {
        try
        {
            validate(config);
            return config;
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{json.Path} describes a model that cannot exist: {e.Message}", e);
        }
    }

    public static void Positive(params ReadOnlySpan<(string Name, int Value)> values)
    {
        foreach (var (name, value) in values)
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
    }

    /// <summary>Checks what the layers of both towers need.</summary>
    public static void Encoder(int hiddenSize, int heads, double eps, string activation)
    {
        if (hiddenSize % heads != 0)
            throw new ArgumentException($"hidden_size {hiddenSize} is not a multiple of num_attention_heads {heads}");
        if (!(eps > 0)) throw new ArgumentException($"layer_norm_eps is {eps}, but must be above 0");
        try
        {
            Activations.Named(activation);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"hidden_act: {e.Message}", e);
        }
    }
}
