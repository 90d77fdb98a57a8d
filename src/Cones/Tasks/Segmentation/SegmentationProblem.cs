using Cones.Prompts.Detection;
using Cones.Prompts.Segmentation;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>A prompt, or weights, searched against a segmenter's loss: what the search loop runs.</summary>
sealed class SegmentationProblem : ISearchProblem
{
    readonly ISegmenter _segmenter;
    readonly ImageFeatures _features;
    readonly ISegmentationPrompt _prompt;
    readonly SegmentationSampler _train;
    readonly SegmentationSample[] _evaluation;
    readonly int _accumulate;
    readonly MaskLossKind _loss;

    /// <param name="segmenter">The segmenter; not owned.</param>
    /// <param name="features">The pictures' features; not owned.</param>
    /// <param name="prompt">The prompt; not owned.</param>
    /// <param name="parameters">What is searched: the prompt's parameters, or weights.</param>
    /// <param name="train">Draws the micro-batches.</param>
    /// <param name="evaluation">The frozen evaluation batch.</param>
    /// <param name="accumulate">The micro-batches of a step.</param>
    /// <param name="loss">What masks are compared by.</param>
    public SegmentationProblem(
        ISegmenter segmenter, ImageFeatures features, ISegmentationPrompt prompt, IReadOnlyList<KeyValuePair<string, Tensor>> parameters,
        SegmentationSampler train, IEnumerable<SegmentationSample> evaluation, int accumulate, MaskLossKind loss)
    {
        (_segmenter, _features, _prompt, Parameters, _train, _accumulate, _loss) = (segmenter, features, prompt, parameters, train, accumulate, loss);
        _evaluation = [.. evaluation];
    }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <summary>The classes, where average precision decides which step is best; null where the loss does.</summary>
    public IReadOnlyList<ClassPrompt>? Scored { get; init; }

    /// <summary>One: pictures have different objects, and one at a time takes the least memory.</summary>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public required string Fingerprint { get; init; }

    /// <inheritdoc/>
    public Tensor Loss(int step, int micro)
    {
        using var scope = NewDisposeScope();
        return LossOf(_train.Draw(((long)step * _accumulate) + micro)).MoveToOuterDisposeScope();
    }

    /// <summary>The mean loss over the pictures.</summary>
    public double EvaluationLoss() => Evaluate(_prompt, null).Loss;

    /// <inheritdoc/>
    public SearchEvaluation Evaluate() => Evaluate(_prompt);

    /// <summary>The same of another prompt of the classes.</summary>
    public SearchEvaluation Evaluate(ISegmentationPrompt prompt) => Evaluate(prompt, Scored is null ? null : new SegmentationScore(_evaluation, Scored));

    SearchEvaluation Evaluate(ISegmentationPrompt prompt, SegmentationScore? score)
    {
        using var noGrad = no_grad();
        var (sum, found) = (0.0, new List<IReadOnlyList<SegmentedObject>>());
        foreach (var sample in _evaluation)
        {
            using var scope = NewDisposeScope();
            var (features, prompts) = (_features.Of(sample.Image), prompt.Build([.. sample.Classes]));
            sum += _segmenter.Loss(features, sample.Image.Size, prompts, sample.Targets, _loss).to(ScalarType.Float64).item<double>();
            if (score is null) continue;
            var masks = _segmenter.Segment(features, sample.Image.Size, prompts, [.. sample.Classes.Select((_, row) => row < sample.Targets.Count ? sample.Targets[row].Prompt : null)], threshold: 0);
            found.Add([.. masks.Select(m => m with { Prompt = sample.Classes[m.Prompt] })]);
        }

        return new SearchEvaluation(sum / _evaluation.Length, score?.Ap(found));
    }

    /// <inheritdoc/>
    public void Project() => _prompt.Project();

    /// <inheritdoc/>
    public void Preview(string folder, int step)
    {
        // A loss says more than a picture here.
    }

    Tensor LossOf(SegmentationSample sample) => _segmenter.Loss(
        _features.Of(sample.Image), sample.Image.Size, _prompt.Build([.. sample.Classes]), sample.Targets, _loss);
}
