using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cones.Models.Clip;

/// <summary>The shape of a joint CLIP model; the defaults are those of <c>CLIPConfig</c> in transformers.</summary>
public sealed record ClipConfig
{
    /// <summary>The text tower. Its own projection width does not count: <see cref="ProjectionDim"/> does.</summary>
    [JsonIgnore]
    public ClipTextConfig Text { get; init; } = new();

    /// <summary>The vision tower. Its own projection width does not count: <see cref="ProjectionDim"/> does.</summary>
    [JsonIgnore]
    public ClipVisionConfig Vision { get; init; } = new();

    /// <summary>The width P of the joint space.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Reads <c>config.json</c> of a joint model.</summary>
    /// <exception cref="ConesException">The file is missing, no JSON, or describes an impossible model.</exception>
    public static ClipConfig Read(string path) => ClipConfigJson.ReadFile(path, FromJson);

    /// <summary>As <see cref="Read"/>, of parsed JSON.</summary>
    /// <exception cref="JsonException">A value has the wrong type.</exception>
    /// <exception cref="ArgumentException">The values describe an impossible model, or one tower only.</exception>
    public static ClipConfig FromJson(JsonElement json)
    {
        if (!ClipConfigJson.IsJoint(json))
            throw new ArgumentException("text_config and vision_config are absent, so this is not a joint model of text and images");
        var config = ClipConfigJson.Parse<ClipConfig>(json) with
        {
            Text = ClipConfigJson.Parse<ClipTextConfig>(ClipConfigJson.Nested(json, "text_config")),
            Vision = ClipConfigJson.Parse<ClipVisionConfig>(ClipConfigJson.Nested(json, "vision_config")),
        };
        config.Validate();
        return config;
    }

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        ClipConfigJson.Positive(("projection_dim", ProjectionDim));
        Text.Validate();
        Vision.Validate();
    }
}
