using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>A prompt searched against a detector's loss: what the search loop runs. The image encoder does not run in it, the text encoder only where its input is learned.</summary>
/// <param name="detector">The detector; not owned.</param>
/// <param name="prompt">The prompt; not owned.</param>
/// <param name="train">What is trained on; not owned.</param>
/// <param name="validation">What is evaluated on; not owned.</param>
/// <param name="options">The search's options, for its seed and its micro-batches.</param>
public sealed class DetectionProblem(IDetector detector, IDetectionPrompt prompt, DetectionExamples train, DetectionExamples validation, SearchOptions options) : ISearchProblem
{
    static readonly int[] s_template = [0];

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => prompt.Parameters;

    /// <summary>One: images have different sizes, and one at a time takes the least memory.</summary>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public required string Fingerprint { get; init; }

    /// <inheritdoc/>
    public Tensor Loss(int step, int micro)
    {
        using var scope = NewDisposeScope();
        return LossOf(prompt.Build(s_template), train, View(((long)step * options.Accumulate) + micro)).MoveToOuterDisposeScope();
    }

    /// <summary>The mean loss of the validation images.</summary>
    public double EvaluationLoss()
    {
        using var noGrad = no_grad();
        using var outer = NewDisposeScope();
        var conditioning = prompt.Build(s_template);
        var sum = 0.0;
        for (var i = 0; i < validation.Count; i++)
        {
            using var scope = NewDisposeScope();
            sum += LossOf(conditioning, validation, i).to(ScalarType.Float64).item<double>();
        }

        return sum / validation.Count;
    }

    /// <inheritdoc/>
    public void Project() => prompt.Project();

    /// <inheritdoc/>
    public void Preview(string folder, int step)
    {
        // A loss says more than a picture here.
    }

    Tensor LossOf(Conditioning conditioning, DetectionExamples examples, int index)
    {
        var (features, targets) = examples[index];
        return detector.Loss(features, conditioning, prompt.Classes, targets);
    }

    // Every view comes once before one comes again.
    int View(long draw)
    {
        using var generator = new Generator(SeedSequence.Derive(options.Seed, "order", draw / train.Count), CPU);
        using var order = randperm(train.Count, ScalarType.Int64, generator: generator);
        return (int)order.data<long>()[draw % train.Count];
    }
}
