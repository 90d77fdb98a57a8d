using Cones.Models;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Words for a class, and the mean loss with them.</summary>
/// <param name="Class">The class's name.</param>
/// <param name="Text">The words.</param>
/// <param name="Loss">The mean loss on the training images.</param>
public sealed record ClassWordScore(string Class, string Text, double Loss);

/// <summary>Chooses the words of classes without gradients: one class after the other gets the candidate with the lowest loss, the others keep the best so far.</summary>
static class WordChoice
{
    /// <summary>The classes with the best words, and all that were tried.</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="classes">The classes; their own words are candidates too.</param>
    /// <param name="candidates">Further words by class.</param>
    /// <param name="examples">The training images.</param>
    /// <param name="cancellation">Stops between two candidates.</param>
    /// <exception cref="ConesException">Words have no place in the caption.</exception>
    public static (IReadOnlyList<ClassPrompt> Classes, IReadOnlyList<ClassWordScore> Scores) Choose(
        IDetector detector, IReadOnlyList<ClassPrompt> classes, IReadOnlyDictionary<string, IReadOnlyList<string>> candidates, IDetectionExamples examples, CancellationToken cancellation)
    {
        ClassPrompt[] best = [.. classes];
        var scores = new List<ClassWordScore>();
        for (var c = 0; c < best.Length; c++)
        {
            if (!candidates.TryGetValue(best[c].Name, out var words)) continue;
            var tried = new List<ClassWordScore>();
            foreach (var text in words.Prepend(best[c].Text).Distinct())
            {
                cancellation.ThrowIfCancellationRequested();
                ClassPrompt[] changed = [.. best];
                changed[c] = best[c] with { Text = text };
                tried.Add(new ClassWordScore(best[c].Name, text, MeanLoss(detector, changed, examples)));
            }

            best[c] = best[c] with { Text = tried.MinBy(t => t.Loss)!.Text };
            scores.AddRange(tried.OrderBy(t => t.Loss));
        }

        return (best, scores);
    }

    static double MeanLoss(IDetector detector, IReadOnlyList<ClassPrompt> classes, IDetectionExamples examples)
    {
        using var noGrad = no_grad();
        using var outer = NewDisposeScope();
        using var caption = detector.EncodeCaption(classes);
        using var prompt = new CaptionPrompt(caption);
        var conditioning = prompt.Build([0]);
        var sum = 0.0;
        for (var i = 0; i < examples.Count; i++)
        {
            using var scope = NewDisposeScope();
            var (features, targets) = examples.Read(i);
            sum += detector.Loss(features, conditioning, prompt.Classes, targets).to(ScalarType.Float64).item<double>();
        }

        return sum / examples.Count;
    }
}
