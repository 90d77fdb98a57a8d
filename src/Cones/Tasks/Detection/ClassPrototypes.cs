using Cones.Models;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Directions of classes in the text space that come from their regions in images.</summary>
static class ClassPrototypes
{
    /// <summary>For each class the direction of its mean region, [L].</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="caption">The names' caption, which the images meet.</param>
    /// <param name="classes">The classes.</param>
    /// <param name="examples">The training images.</param>
    /// <exception cref="ConesException">A class has no region.</exception>
    public static IReadOnlyList<Tensor> Of(ITrainableDetector detector, CaptionEncoding caption, IReadOnlyList<ClassPrompt> classes, IDetectionExamples examples)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var prompt = new CaptionPrompt(caption);
        var conditioning = prompt.Build([0]);
        var sums = new Tensor?[classes.Count];
        var counts = new int[classes.Count];
        for (var i = 0; i < examples.Count; i++)
        {
            using var image = NewDisposeScope();
            var (features, targets) = examples.Read(i);
            var (regions, places) = detector.Regions(features, conditioning, prompt.Classes, targets);
            for (var r = 0; r < places.Count; r++)
            {
                counts[places[r]]++;
                if (sums[places[r]] is { } sum) sum.add_(regions[r]);
                else sums[places[r]] = regions[r].clone().MoveToOuterDisposeScope();
            }
        }

        if (Array.IndexOf(counts, 0) is >= 0 and var none)
            throw new ConesException($"no box of the class '{classes[none].Name}' is as large as the model's regions: start from its name (--init name)");
        return [.. sums.Select((s, c) => detector.ToText((s! / counts[c]).unsqueeze(0))[0].clone().MoveToOuterDisposeScope())];
    }
}
