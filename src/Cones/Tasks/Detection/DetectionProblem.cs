using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>A prompt, or weights, searched against a detector's loss: what the search loop runs.</summary>
/// <param name="detector">The detector; not owned.</param>
/// <param name="prompt">The prompt; not owned.</param>
/// <param name="train">What is trained on; not owned.</param>
/// <param name="validation">What is evaluated on; not owned.</param>
/// <param name="options">The search's options, for its seed and its micro-batches.</param>
public sealed class DetectionProblem(IDetector detector, IDetectionPrompt prompt, IDetectionExamples train, IDetectionExamples validation, SearchOptions options) : ISearchProblem
{
    static readonly int[] s_template = [0];

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; init; } = prompt.Parameters;

    /// <summary>One: images have different sizes, and one at a time takes the least memory.</summary>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public required string Fingerprint { get; init; }

    /// <summary>Scores the validation images, which are all whole then and in their order; null where the loss decides.</summary>
    public ValidationScore? Score { get; init; }

    /// <inheritdoc/>
    public Tensor Loss(int step, int micro)
    {
        using var scope = NewDisposeScope();
        var draw = ((long)step * options.Accumulate) + micro;
        var (features, targets) = train.Read(View(draw), draw / train.Count);
        return detector.Loss(features, prompt.Build(s_template), prompt.Classes, targets).MoveToOuterDisposeScope();
    }

    /// <summary>The mean loss of the validation images.</summary>
    public double EvaluationLoss() => Evaluate().Loss;

    /// <inheritdoc/>
    public SearchEvaluation Evaluate()
    {
        using var noGrad = no_grad();
        using var outer = NewDisposeScope();
        var conditioning = prompt.Build(s_template);
        var found = new List<IReadOnlyList<DetectedObject>>();
        var sum = 0.0;
        for (var i = 0; i < validation.Count; i++)
        {
            using var scope = NewDisposeScope();
            var (features, targets) = validation.Read(i);
            if (Score is null)
            {
                sum += detector.Loss(features, conditioning, prompt.Classes, targets).to(ScalarType.Float64).item<double>();
                continue;
            }

            var (loss, objects) = detector.Judge(features, Score.SizeOf(i), conditioning, prompt.Classes, targets);
            sum += loss;
            found.Add(objects);
        }

        return new SearchEvaluation(sum / validation.Count, Score?.Ap(found));
    }

    /// <inheritdoc/>
    public void Project() => prompt.Project();

    /// <inheritdoc/>
    public void Preview(string folder, int step)
    {
        // A loss says more than a picture here.
    }

    // Every view comes once before one comes again.
    int View(long draw)
    {
        using var generator = new Generator(SeedSequence.Derive(options.Seed, "order", draw / train.Count), CPU);
        using var order = randperm(train.Count, ScalarType.Int64, generator: generator);
        return (int)order.data<long>()[draw % train.Count];
    }
}
