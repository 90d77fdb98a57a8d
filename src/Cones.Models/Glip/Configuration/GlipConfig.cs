using Cones.Models.Bert;
using Cones.Models.Swin;
using Cones.Models.Weights;

namespace Cones.Models.Glip.Configuration;

/// <summary>
/// The shape of a <see cref="GlipModel"/> and the constants of its losses and its post-processing; the defaults are those of
/// GLIP-T (<c>glip_Swin_T_O365_GoldG.yaml</c>).
/// </summary>
public sealed record GlipConfig
{
    /// <summary>The levels of the pyramid, P3 to P7.</summary>
    public const int Levels = 5;

    /// <summary>The image backbone.</summary>
    public SwinConfig Swin { get; init; } = new();

    /// <summary>The text encoder, and the shape of the head's text layers.</summary>
    public BertConfig Bert { get; init; } = new();

    /// <summary>The last layers of the text encoder that are averaged for a model without fusion (<c>N_LAYERS</c>).</summary>
    public int TextLayers { get; init; } = 1;

    /// <summary>The tokens of a caption at most (<c>MAX_QUERY_LEN</c>).</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>Whether the head does not see the tokens [CLS] and [SEP] (<c>MASK_SPECIAL</c>).</summary>
    public bool MaskSpecialTokens { get; init; }

    /// <summary>What stands between the class names of a caption (<c>SEPARATION_TOKENS</c>).</summary>
    public string Separator { get; init; } = ". ";

    /// <summary>The detection head.</summary>
    public GlipHeadConfig Head { get; init; } = new();

    /// <summary>The anchors.</summary>
    public GlipAnchorConfig Anchors { get; init; } = new();

    /// <summary>The losses.</summary>
    public GlipLossConfig Loss { get; init; } = new();

    /// <summary>The post-processing.</summary>
    public GlipDetectionConfig Detection { get; init; } = new();

    /// <summary>The images.</summary>
    public GlipInputConfig Input { get; init; } = new();

    /// <summary>Reads a configuration: one of GLIP's YAML files, or <c>glip_config.json</c> with the same values in JSON.</summary>
    /// <exception cref="ConesException">The file cannot be read, or describes an impossible model or one of another structure.</exception>
    public static GlipConfig FromFile(string path)
    {
        var config = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? GlipConfigJson.Read(path) : GlipConfigYaml.Read(path);
        try
        {
            config.Validate();
            return config;
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{path} describes an impossible GLIP model: {e.Message}", e);
        }
    }

    /// <summary>
    /// Finds the configuration from the shapes of a model's weights, for a checkpoint without a configuration file. What shapes do not
    /// tell (sizes of images and anchors, thresholds, heads of BERT) is what all published models have.
    /// </summary>
    /// <exception cref="ConesException">The checkpoint is not of a GLIP model.</exception>
    public static GlipConfig FromWeights(ICheckpoint weights) => GlipConfigShapes.Read(weights);

    /// <summary>The configuration of a folder with weights: <c>glip_config.json</c>, else the only YAML file, else <see cref="FromWeights"/>.</summary>
    /// <exception cref="ConesException">The folder has no weights, several YAML files, or a configuration that cannot be used.</exception>
    public static GlipConfig FromFolder(string folder)
    {
        using var weights = Checkpoint.Open(folder);
        return GlipFolder.ReadConfig(folder, weights);
    }

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        Swin.Validate();
        Bert.Validate();
        if (Swin.Depths.Count != 4) throw new ArgumentException($"the Swin backbone has {Swin.Depths.Count} stages, the pyramid needs 4");
        if (TextLayers < 1 || TextLayers > Bert.NumHiddenLayers)
            throw new ArgumentException($"n_layers is {TextLayers}, but must be 1 to {Bert.NumHiddenLayers}, the layers of the text encoder");
        if (MaxTokens < 2 || MaxTokens > Bert.MaxPositionEmbeddings)
            throw new ArgumentException($"max_query_len is {MaxTokens}, but must be 2 to {Bert.MaxPositionEmbeddings}, the positions of the text encoder");
        Head.Validate();
        Anchors.Validate();
        Loss.Validate();
        Detection.Validate();
        Input.Validate();
    }

    internal static void Positive(params ReadOnlySpan<(string Name, int Value)> values)
    {
        foreach (var (name, value) in values)
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
    }
}
