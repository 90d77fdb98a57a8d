namespace Cones.Models.Glip.Configuration;

/// <summary>How a class's score is made of its tokens' (<c>SCORE_AGG</c>).</summary>
public enum GlipScoreAggregation
{
    /// <summary>The mean of the tokens' probabilities; what all published models use.</summary>
    Mean,

    /// <summary>The largest of the tokens' probabilities.</summary>
    Max,
}

/// <summary>From outputs to detections (<c>MODEL.ATSS</c>).</summary>
public sealed record GlipDetectionConfig
{
    /// <summary>How a class's score is made of its tokens'.</summary>
    public GlipScoreAggregation ScoreAggregation { get; init; }

    /// <summary>A class's probability, before centerness, must be above this (<c>INFERENCE_TH</c>).</summary>
    public double ScoreThreshold { get; init; } = 0.05;

    /// <summary>The candidates kept of each level (<c>PRE_NMS_TOP_N</c>).</summary>
    public int CandidatesPerLevel { get; init; } = 1000;

    /// <summary>Of two boxes of a class that overlap by more than this the one with the lower score goes (<c>NMS_TH</c>).</summary>
    public double NmsThreshold { get; init; } = 0.6;

    /// <summary>The detections kept of each image; 0 for all (<c>DETECTIONS_PER_IMG</c>).</summary>
    public int DetectionsPerImage { get; init; } = 100;

    internal void Validate()
    {
        GlipConfig.Positive(("pre_nms_top_n", CandidatesPerLevel));
        if (DetectionsPerImage < 0) throw new ArgumentException($"detections_per_img is {DetectionsPerImage}, but must be at least 0");
        if (!(NmsThreshold >= 0)) throw new ArgumentException($"nms_thresh is {NmsThreshold}, but must be at least 0");
        if (double.IsNaN(ScoreThreshold)) throw new ArgumentException("pre_nms_thresh is no number");
    }
}
