using Cones.Models.Configuration;

namespace Cones.Models.Sam3;

/// <summary>The shape of SAM 3's image encoder, transformer and neck; the defaults are those of <c>Sam3VisionConfig</c> in transformers.</summary>
public sealed record Sam3VisionConfig
{
    /// <summary>The transformer.</summary>
    public Sam3ViTConfig Backbone { get; init; } = new();

    /// <summary>The channels C of every level.</summary>
    public int FpnHiddenSize { get; init; } = 256;

    /// <summary>The size of each level relative to the grid of tokens, 4, 2, 1 or 0.5; the last level feeds nothing in the image model.</summary>
    public IReadOnlyList<double> ScaleFactors { get; init; } = [4, 2, 1, 0.5];

    /// <summary>The side of a level's map.</summary>
    public int LevelSize(int level) => (int)(Backbone.GridSize * ScaleFactors[level]);

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        Backbone.Validate();
        Sam3Checks.Positive(("fpn_hidden_size", FpnHiddenSize));
        // Rows and columns have a sine and a cosine for each frequency.
        Sam3Checks.Multiple("fpn_hidden_size", FpnHiddenSize, "sines and cosines of two axes,", 4);
        Sam3Checks.Multiple("hidden_size", Backbone.HiddenSize, "two doublings,", 4);
        if (ScaleFactors.Count < 2) throw new ArgumentException($"scale_factors has {ScaleFactors.Count} levels, but at least 2 are needed");
        foreach (var factor in ScaleFactors)
            if (factor is not (4 or 2 or 1 or 0.5)) throw new ArgumentException($"scale_factors holds {factor}, supported: 4, 2, 1, 0.5");
    }

    /// <summary>Reads <c>vision_config</c>; null means the defaults.</summary>
    internal static Sam3VisionConfig FromJson(ConfigReader? json)
    {
        var defaults = new Sam3VisionConfig();
        return json is null ? defaults : new Sam3VisionConfig
        {
            Backbone = Sam3ViTConfig.FromJson(json.Child("backbone_config")),
            FpnHiddenSize = json.Int("fpn_hidden_size", defaults.FpnHiddenSize),
            ScaleFactors = json.Doubles("scale_factors") ?? defaults.ScaleFactors,
        };
    }
}
