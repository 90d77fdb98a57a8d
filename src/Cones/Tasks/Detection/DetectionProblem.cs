using System.Security.Cryptography;
using Cones.Data.Coco;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>
/// Prompts, one a caption, searched against a detector's loss: what the search loop runs. The image encoder does not run in it, the text
/// encoder only where its input is learned.
/// </summary>
/// <param name="detector">The detector; not owned.</param>
/// <param name="prompts">The prompt of each caption; not owned.</param>
/// <param name="train">What is trained on; not owned.</param>
/// <param name="validation">What is evaluated on; not owned.</param>
/// <param name="options">The search's options, for its seed and its micro-batches.</param>
public sealed class DetectionProblem(IDetector detector, IReadOnlyList<IDetectionPrompt> prompts, DetectionExamples train, DetectionExamples validation, SearchOptions options) : ISearchProblem
{
    static readonly int[] s_template = [0];

    // By the parameters' digest: the start and the best step are asked for again.
    readonly Dictionary<string, Judgement> _judged = [];

    /// <summary>The prompts' parameters; those that several prompts share come once.</summary>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; } = prompts.Count == 1
        ? prompts[0].Parameters
        : [.. prompts.SelectMany((p, k) => p.Parameters.Select(q => KeyValuePair.Create($"{q.Key}.{k}", q.Value))).DistinctBy(p => p.Value, ReferenceEqualityComparer.Instance)];

    /// <summary>One: images have different sizes, and one at a time takes the least memory.</summary>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public required string Fingerprint { get; init; }

    /// <summary>Whether steps are judged by average precision instead of by the loss.</summary>
    public bool ByAp { get; init; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> EvaluationScores { get; private set; } = new Dictionary<string, double>();

    /// <inheritdoc/>
    public Tensor Loss(int step, int micro)
    {
        using var scope = NewDisposeScope();
        var example = train[Draw(((long)step * options.Accumulate) + micro)];
        var prompt = prompts[example.Caption];
        return detector.Loss(example.Features, prompt.Build(s_template), prompt.Classes, example.Targets).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public double EvaluationLoss()
    {
        var judgement = Judge();
        EvaluationScores = judgement.Ap is { } ap ? new Dictionary<string, double> { ["ap"] = ap, ["mean_loss"] = judgement.Loss } : new Dictionary<string, double>();
        return judgement.Value;
    }

    /// <summary>How well the present parameters do on the validation images.</summary>
    public Judgement Judge()
    {
        var digest = DigestOfParameters();
        if (!_judged.TryGetValue(digest, out var judgement)) _judged[digest] = judgement = JudgeNow();
        return judgement;
    }

    /// <inheritdoc/>
    public void Project()
    {
        foreach (var prompt in prompts) prompt.Project();
    }

    /// <inheritdoc/>
    public void Preview(string folder, int step)
    {
        // A score says more than a picture here.
    }

    Judgement JudgeNow()
    {
        using var noGrad = no_grad();
        using var outer = NewDisposeScope();
        Conditioning[] conditionings = [.. prompts.Select(p => p.Build(s_template))];
        int[] first = [.. prompts.Select((_, k) => prompts.Take(k).Sum(p => p.Classes.Count))];
        var ids = ByAp ? Judgement.CategoryIds(validation) : [];
        var found = new List<CocoResult>();
        var sum = 0.0;
        for (var i = 0; i < validation.Count; i++)
        {
            using var scope = NewDisposeScope();
            var (features, targets, caption, image) = validation[i];
            var classes = prompts[caption].Classes;
            if (!ByAp)
            {
                sum += detector.Loss(features, conditionings[caption], classes, targets).to(ScalarType.Float64).item<double>();
                continue;
            }

            var (loss, objects) = detector.Judge(features, new ImageSize(image.Height, image.Width), conditionings[caption], classes, targets);
            sum += loss;
            found.AddRange(objects.Select(o => new CocoResult { ImageId = image.Id, CategoryId = ids[first[caption] + o.Class], Score = o.Score, Box = o.Box }));
        }

        return new Judgement(sum / validation.Count, ByAp ? Judgement.ApOf(validation, found) : null);
    }

    // Every example comes once before one comes again.
    int Draw(long draw)
    {
        using var generator = new Generator(SeedSequence.Derive(options.Seed, "order", draw / train.Count), CPU);
        using var order = randperm(train.Count, ScalarType.Int64, generator: generator);
        return (int)order.data<long>()[draw % train.Count];
    }

    string DigestOfParameters()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (_, value) in Parameters) hash.AppendData(value.detach().cpu().contiguous().bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
