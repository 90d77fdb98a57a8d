using Cones.Models.Configuration;

namespace Cones.Models.Clip;

/// <summary>The shape of a joint CLIP model; the defaults are those of <c>CLIPConfig</c> in transformers.</summary>
public sealed record ClipConfig
{
    /// <summary>The text tower. Its own projection width does not count: <see cref="ProjectionDim"/> does.</summary>
    public ClipTextConfig Text { get; init; } = new();

    /// <summary>The vision tower. Its own projection width does not count: <see cref="ProjectionDim"/> does.</summary>
    public ClipVisionConfig Vision { get; init; } = new();

    /// <summary>The width P of the joint space.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Reads <c>config.json</c> of a joint model.</summary>
    /// <exception cref="ConesException">The file is missing, no JSON, or describes an impossible model.</exception>
    public static ClipConfig Read(string path) => Read(ConfigReader.Open(path));

    /// <summary>As the other overload, of a file that is open.</summary>
    /// <exception cref="ConesException">
    /// A value has the wrong type, or the values describe an impossible model, or one tower only.
    /// </exception>
    public static ClipConfig Read(ConfigReader json)
    {
        if (!ClipTowers.IsJoint(json))
            throw new ConesException($"{json.Path} is not a joint model of text and images: text_config and vision_config are absent");
        var config = new ClipConfig
        {
            Text = ClipTextConfig.Read(json),
            Vision = ClipVisionConfig.Read(json),
            ProjectionDim = json.Int("projection_dim", 512),
        };
        return ClipTowers.Checked(json, config, c => c.Validate());
    }

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        ClipTowers.Positive(("projection_dim", ProjectionDim));
        Text.Validate();
        Vision.Validate();
    }
}
