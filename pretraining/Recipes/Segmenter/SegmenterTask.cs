using Cones.Models.Imaging;
using Cones.Models.Layers;
using Cones.Models.Sam;
using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;
using Cones.Pretraining.Training;
using Cones.Search;
using Cones.Tasks.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>Trains a <see cref="SamModel"/> on scenes.</summary>
sealed class SegmenterTask : ITrainingTask
{
    const int Prompts = 4;
    const double BoxNoise = 0.05;
    const double HardPart = 0.25;
    const double PaddedPart = 0.3;

    // Boxes come with further tokens, points or the one that is none: a model that has only seen two tokens is disturbed by a concept's.
    const double FurtherTokens = 0.5;
    const double NoPoint = 0.6;
    const string Positions = "shared_image_embedding.positional_embedding";

    static readonly SamLossOptions s_loss = new() { Focal = 0, Dice = 1, CrossEntropy = 2, Iou = 0.25 };

    readonly TrainingPlan _plan;
    readonly SamModel _sam;
    readonly bool _varied;
    readonly (SceneGenerator Easy, SceneGenerator Hard)[] _generators;
    readonly IReadOnlyList<SegmenterTest> _tests;

    /// <summary>The task with a fresh model, or with the weights of a smaller image's.</summary>
    public SegmenterTask(SamConfig config, TrainingPlan plan, IconPack pack, int mosaic, bool varied, int testScenes, string? start)
    {
        _plan = plan;
        _varied = varied;
        _sam = new SamModel(config);
        if (start is null)
        {
            Fill(_sam, plan.Seed);
        }
        else
        {
            using var smaller = SamModel.FromFolder(start);
            SegmenterGrowth.Copy(smaller, _sam);
        }

        Parts = [new TrainedPart("sam", _sam, RateFactorOf: name => name == Positions ? 0 : 1)];
        var side = config.Vision.ImageSize;
        var seen = pack.Select((c, _) => !c.HeldOut);
        var options = new SceneOptions(CrowdPart: 0.15, MicroscopyPart: 0.2);
        _generators = [.. Enumerable.Range(0, 1 + int.Log2(mosaic)).Select(i => options with { Side = side >> i })
            .Select(o => (new SceneGenerator(o, pack, seen), new SceneGenerator(o with { Hard = true }, pack, seen)))];
        _tests = SegmenterTest.All(pack, side, testScenes);
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainedPart> Parts { get; }

    /// <inheritdoc/>
    public Tensor Loss(long step, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        var random = CounterRandom.At(_plan.Seed, "objects", step);
        var scenes = new Scene[_plan.Batch];
        for (var i = 0; i < scenes.Length; i++) scenes[i] = Draw((step * _plan.Batch) + i, ref random);
        var batch = SegmenterBatch.Of(scenes, Prompts, _sam.Config.PromptEncoder.MaskSize, BoxNoise, _varied ? PaddedPart : 0, ref random);
        var image = _sam.EncodeImage(batch.Pixels);

        // Boxes; one of the objects again by points, which mean the object or a part of it; and by its box with a mask from before.
        var boxes = new SamPrompts { Boxes = batch.Boxes };
        if (_varied && random.Chance(FurtherTokens)) boxes = boxes with { Points = batch.Points, Labels = SomeLabels(batch.Points, ref random) };
        var (byBox, output) = Prompted(image, boxes, batch.Masks, multimask: false);
        var first = batch.Masks.narrow(1, 0, 1); // [B, 1, h, w]
        var (byPoints, _) = Prompted(image, new SamPrompts { Points = batch.Points.narrow(1, 0, 1), Labels = Labels(batch.Points) }, first, multimask: true);
        var before = output.PredMasks.narrow(1, 0, 1).squeeze(2).detach(); // [B, 1, h, w]
        var (byMask, _) = Prompted(image, new SamPrompts { Boxes = batch.Boxes.narrow(1, 0, 1), Masks = before }, first, multimask: false);
        using (no_grad())
        {
            metrics["iou"] = MaskLosses.IntersectionOverUnion(output.PredMasks.squeeze(2), batch.Masks).mean().item<float>();
            metrics["points_loss"] = byPoints.item<float>();
        }

        return (byBox + ((byPoints + byMask) / 4)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate() => _tests.SelectMany(t => t.Scores(_sam)).ToDictionary(s => s.Key, s => s.Value);

    /// <inheritdoc/>
    public void DrawSheet(string path) => RgbImage.Grid([.. _tests.SelectMany(t => t.Drawn(_sam, 6))], 6).Save(path);

    /// <inheritdoc/>
    public void Export(string folder)
    {
        var side = _sam.Config.Vision.ImageSize;
        SamFolder.Write(_sam, ImageProcessorConfig.Sam with { Size = new SizeRule { LongestEdge = side }, PadSize = new ImageSize(side, side) }, folder);
    }

    /// <inheritdoc/>
    public void Dispose() => _sam.Dispose();

    // One scene, or 4 or 16 smaller ones side by side.
    Scene Draw(long number, ref CounterRandom random)
    {
        var level = _generators.Length == 1 ? 0 : random.Below(_generators.Length);
        var (easy, hard) = _generators[level];
        var generator = random.Chance(HardPart) ? hard : easy;
        var parts = new Scene[1 << (2 * level)];
        for (var k = 0; k < parts.Length; k++)
        {
            parts[k] = generator.Draw(_plan.Seed, (number * parts.Length) + k);
            if (_varied) SceneVariation.Apply(parts[k], ref random);
        }

        return SceneMosaic.Join(parts, 4 * Prompts, ref random);
    }

    (Tensor Loss, SamOutput Output) Prompted(Tensor image, SamPrompts prompts, Tensor masks, bool multimask)
    {
        var output = _sam.Decode(image, _sam.EncodePrompts(prompts), multimask);
        return (SamLoss.Compute(output.PredMasks, output.IouScores, masks, s_loss), output);
    }

    static Tensor Labels(Tensor points) => tensor(new long[] { SamPrompts.Foreground, SamPrompts.Background }).expand(points.shape[0], 1, 2);

    static Tensor SomeLabels(Tensor points, ref CounterRandom random)
    {
        var labels = new long[points.shape[0] * points.shape[1] * 2];
        for (var i = 0; i < labels.Length; i++) labels[i] = random.Chance(NoPoint) ? SamPrompts.NoPoint : i % 2 == 0 ? SamPrompts.Foreground : SamPrompts.Background;
        return tensor(labels, [points.shape[0], points.shape[1], 2]);
    }

    // Tables of tokens have the size of the position encodings that are added to them; relative positions begin with none.
    static void Fill(SamModel model, long seed)
    {
        Initialization.Fill(model, seed, "sam");
        using var noGrad = no_grad();
        using var generator = new Generator(SeedSequence.Derive(seed, "weights.sam.tokens"));
        foreach (var (name, weight) in model.NamedWeights())
        {
            using var scope = NewDisposeScope();
            long[] shape = [.. weight.Shape];
            if (name == Positions) weight.Assign(randn(shape, generator: generator));
            else if (name.Contains("_embed.", StringComparison.Ordinal) && shape.Length == 2 && shape[0] == 1) weight.Assign(randn(shape, generator: generator) * 0.5);
            else if (name.EndsWith("iou_token.weight", StringComparison.Ordinal) || name.EndsWith("mask_tokens.weight", StringComparison.Ordinal)) weight.Assign(randn(shape, generator: generator) * 0.5);
            else if (name.EndsWith("pos_embed", StringComparison.Ordinal)) weight.Assign(randn(shape, generator: generator) * 0.1);
            else if (name.Contains(".rel_pos_", StringComparison.Ordinal)) weight.Assign(zeros(shape));
            else if (name.EndsWith("attn.proj.weight", StringComparison.Ordinal) || name.EndsWith("mlp.lin2.weight", StringComparison.Ordinal)) Initialization.Scale(weight, 0.3);
        }
    }
}
