using Cones.Models.Bert;
using Cones.Models.Swin;

namespace Cones.Models.GroundingDino;

/// <summary>
/// The shape of a <see cref="GroundingDinoModel"/>; names and defaults are those of <c>GroundingDinoConfig</c> and
/// <c>MMGroundingDinoConfig</c> in transformers.
/// </summary>
public sealed record GroundingDinoConfig
{
    /// <summary>The <c>model_type</c> of Grounding DINO (IDEA).</summary>
    public const string GroundingDino = "grounding-dino";

    /// <summary>The <c>model_type</c> of MM Grounding DINO (OpenMMLab).</summary>
    public const string MMGroundingDino = "mm-grounding-dino";

    /// <summary>
    /// Whether class scores are scaled by one over the root of <see cref="DModel"/> and have a bias, as MM Grounding DINO's.
    /// </summary>
    public bool ScaledClassHeads { get; init; }

    /// <summary>The image backbone.</summary>
    public SwinConfig Backbone { get; init; } = new();

    /// <summary>The text encoder.</summary>
    public BertConfig Text { get; init; } = new();

    /// <summary>The width D of all features after the backbones; a multiple of the 32 groups of the input projections' norms.</summary>
    public int DModel { get; init; } = 256;

    /// <summary>The number Q of queries, and so of boxes an image.</summary>
    public int NumQueries { get; init; } = 900;

    /// <summary>Layers of the encoder.</summary>
    public int EncoderLayers { get; init; } = 6;

    /// <summary>Width of the encoder's feed-forward layers; half of it for the text enhancer and the fusion.</summary>
    public int EncoderFfnDim { get; init; } = 2048;

    /// <summary>Heads of the encoder's deformable attention; half of them for the text enhancer and the fusion.</summary>
    public int EncoderAttentionHeads { get; init; } = 8;

    /// <summary>Points a level and head of the encoder's deformable attention.</summary>
    public int EncoderPoints { get; init; } = 4;

    /// <summary>Layers L of the decoder.</summary>
    public int DecoderLayers { get; init; } = 6;

    /// <summary>Width of the decoder's feed-forward layers.</summary>
    public int DecoderFfnDim { get; init; } = 2048;

    /// <summary>Heads of the decoder's attentions.</summary>
    public int DecoderAttentionHeads { get; init; } = 8;

    /// <summary>Points a level and head of the decoder's deformable attention.</summary>
    public int DecoderPoints { get; init; } = 4;

    /// <summary>Levels of the feature pyramid: those of the backbone, and more of stride 2 each.</summary>
    public int NumFeatureLevels { get; init; } = 4;

    /// <summary>The activation of all feed-forward layers.</summary>
    public string ActivationFunction { get; init; } = "relu";

    /// <summary>The epsilon of all layer norms outside the backbones.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>The columns of the class scores, and so the longest text in tokens.</summary>
    public int MaxTextLen { get; init; } = 256;

    /// <summary>Whether positions in the image are learned (at most 50 x 50) instead of sines.</summary>
    public bool LearnedPositions { get; init; }

    /// <summary>The temperature of the image's sine embedding.</summary>
    public double PositionTemperature { get; init; } = 20;

    /// <summary>Whether queries start at the encoder's best proposals instead of at learned boxes.</summary>
    public bool TwoStage { get; init; } = true;

    /// <summary>Whether the queries' content is learned, by rank, instead of taken from the encoder's proposals.</summary>
    public bool LearnedQueries { get; init; } = true;

    /// <summary>Whether all decoder layers have the same box head.</summary>
    public bool SharedBoxHeads { get; init; } = true;

    /// <summary>Whether all decoder layers have the same class bias; of no meaning without <see cref="ScaledClassHeads"/>.</summary>
    public bool SharedClassHeads { get; init; }

    /// <summary>Channels of each map that the backbone gives, from the finest.</summary>
    public IReadOnlyList<int> BackboneChannels => [.. Backbone.OutStages.Select(Backbone.WidthOf)];

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file cannot be read, or describes an impossible or another kind of model.</exception>
    public static GroundingDinoConfig FromFile(string path) => GroundingDinoConfigJson.Read(path);

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate() => GroundingDinoConfigChecks.Run(this);
}
