namespace Cones.Concepts.Formats;

/// <summary>The end of a text encoder at which an embedding is placed.</summary>
public enum TextEncoderSide
{
    /// <summary>As rows of the token embeddings: textual inversion.</summary>
    Input,

    /// <summary>In slots of the encoder's output.</summary>
    Output,
}
