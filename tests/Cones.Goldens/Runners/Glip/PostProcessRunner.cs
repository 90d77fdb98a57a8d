using Cones.Models.Glip.Detection;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-postprocess</c>: the head's outputs to detections.</summary>
sealed class PostProcessRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-postprocess"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var config = GlipCase.Config(golden);
        var processor = new GlipPostProcessor(config.Detection, config.Anchors);
        var classes = GlipCase.Classes(golden.Json.GetProperty("label_to_tokens"));
        var detections = processor.Process(GlipCase.Outputs(golden), [classes], [GlipCase.Size(golden, "image_size_hw")]);
        GlipCase.CheckDetections(golden, result, detections[0]);
    }
}
