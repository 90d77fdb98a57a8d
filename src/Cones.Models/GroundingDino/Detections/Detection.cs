namespace Cones.Models.GroundingDino.Detections;

/// <summary>A box of an image.</summary>
/// <param name="X1">Left, in pixels of the original image.</param>
/// <param name="Y1">Top.</param>
/// <param name="X2">Right.</param>
/// <param name="Y2">Bottom.</param>
public readonly record struct DetectedBox(float X1, float Y1, float X2, float Y2);

/// <summary>An object of a class.</summary>
/// <param name="Box">Where it is, within the image.</param>
/// <param name="Score">0 to 1.</param>
/// <param name="Label">The index of its class.</param>
/// <param name="Query">The query that found it.</param>
public readonly record struct Detection(DetectedBox Box, float Score, int Label, int Query);

/// <summary>An object named by words of the caption.</summary>
/// <param name="Box">Where it is; may reach beyond the image.</param>
/// <param name="Score">0 to 1: the highest of all its tokens' scores.</param>
/// <param name="Text">The words whose scores are high; may be empty.</param>
/// <param name="Query">The query that found it.</param>
public readonly record struct PhraseDetection(DetectedBox Box, float Score, string Text, int Query);

/// <summary>How the scores of a class's tokens become its own.</summary>
public enum ScoreAggregation
{
    /// <summary>The highest: the original repository and transformers.</summary>
    Max,

    /// <summary>The mean: mmdet.</summary>
    Mean,
}
