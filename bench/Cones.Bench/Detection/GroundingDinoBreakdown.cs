using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Encoder;
using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>The parts of an encoder layer by themselves, forward and backward, in milliseconds.</summary>
static class GroundingDinoBreakdown
{
    public static JsonObject Measure(GroundingDinoModel model, ImageFeatures image, Tensor concept, TextMasks masks, int repetitions)
    {
        using var scope = NewDisposeScope();
        var layer = model.Encoder.Layers[1];
        var context = GroundingDinoEncoder.ContextOf(image);
        var vision = image.Features.detach().clone().requires_grad_();
        var text = concept.detach().clone().requires_grad_();
        return new JsonObject
        {
            ["fusion"] = Time(() => layer.Fusion.Forward(vision, text, null, null).Vision, vision),
            ["deformable_attention"] = Time(() => layer.Deformable.Attend(vision, context), vision),
            ["feed_forward"] = Time(() => layer.Deformable.FeedForward.Forward(vision), vision),
            ["encoder"] = Time(() => model.Encoder.Forward(image, text, masks, null).Vision, text),
        };

        JsonArray Time(Func<Tensor> forward, Tensor input)
        {
            var (there, back) = (new List<double>(), new List<double>());
            for (var i = 0; i <= repetitions; i++)
            {
                using var pass = NewDisposeScope();
                var start = Stopwatch.GetTimestamp();
                var y = forward();
                there.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                var gradient = ones_like(y);
                start = Stopwatch.GetTimestamp();
                autograd.grad([y], [input], [gradient]);
                back.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            return [Math.Round(StepTimer.MedianOf(there.Skip(1))), Math.Round(StepTimer.MedianOf(back.Skip(1)))];
        }
    }
}
