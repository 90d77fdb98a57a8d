using Cones.Data;
using Cones.Data.Augmentation;
using Cones.Data.Coco;
using Cones.Evaluation.Coco;
using Cones.Models.Glip;
using Cones.Models.Glip.Detection;
using Cones.Models.Imaging;
using Cones.Pretraining.Data;
using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Scenes;
using Cones.Search;
using Cones.Visualization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Evaluation;

/// <summary>
/// Average precision (COCO, boxes) and in-caption accuracy of a detector on drawn scenes: captions of eight names, of which a scene
/// shows some.
/// </summary>
sealed class DetectorScores
{
    const int Classes = 8;
    const int Batch = 16;
    const int ShownScenes = 4;
    const long Seed = 1_000_003;

    readonly IReadOnlyList<ScenesOfNames> _tasks;

    /// <summary>The scores, for so many scenes each.</summary>
    public DetectorScores(IconPack pack, int scenes, int side = 128)
    {
        int[] first = Curriculum.First(pack), later = [.. pack.Select((c, _) => !c.HeldOut).Except(first)], heldOut = pack.Select((c, _) => c.HeldOut);
        _tasks =
        [
            Emoji("first", first), Emoji("later", later.Length > 0 ? later : first), Emoji("heldout", heldOut),
            Shapes("pairs", heldOut: false), Shapes("unseen_pairs", heldOut: true),
        ];

        ScenesOfNames Emoji(string name, int[] icons)
        {
            var (few, names) = ChooseConcepts(pack, icons);
            return new ScenesOfNames(name, names, Draw(name, new SceneOptions(side, EmojiPart: 1, MicroscopyPart: 0), few, null));
        }

        ScenesOfNames Shapes(string name, bool heldOut)
        {
            var pairs = SceneGenerator.Pairs(heldOut);
            SceneClass[] few = [.. Spread(pairs.Count).Select(i => pairs[i])];
            return new ScenesOfNames(name, [.. few.Select(c => c.Phrases().First())], Draw(name, new SceneOptions(side, EmojiPart: 0, MicroscopyPart: 0), [], few));
        }

        IReadOnlyList<Scene> Draw(string name, SceneOptions options, int[] icons, SceneClass[]? pairs)
        {
            var generator = new SceneGenerator(options, pack, icons, pairs);
            var first = SeedSequence.Derive(Seed, name) >> 1;
            return [.. Enumerable.Range(0, scenes).Select(i => generator.Draw((long)first, i))];
        }
    }

    /// <summary>
    /// All scores, by name: average precision in percent; the part of the positive anchors where a true name of the caption scores
    /// best, and what chance would give; the mean cosine between the encodings of two names of a caption.
    /// </summary>
    public IReadOnlyDictionary<string, double> Compute(GlipModel model)
    {
        var scores = new Dictionary<string, double>();
        foreach (var task in _tasks)
        {
            var detected = Detect(model, task, task.Scenes.Count);
            var stats = CocoEvaluator.Evaluate(task.ToDataset(), detected.Results).Stats;
            scores[$"{task.Name}_ap"] = 100 * stats.AP;
            scores[$"{task.Name}_ap50"] = 100 * stats.AP50;
            scores[$"{task.Name}_accuracy"] = detected.Accuracy;
            scores[$"{task.Name}_chance"] = detected.Chance;
            scores[$"{task.Name}_cosine"] = detected.Cosine;
        }

        return scores;
    }

    /// <summary>Draws what is found in the first scenes of every score: a row each.</summary>
    public void DrawSheet(GlipModel model, string path)
    {
        const double leastScore = 0.3;
        var images = new List<RgbImage>();
        foreach (var task in _tasks)
        {
            var results = Detect(model, task, Math.Min(ShownScenes, task.Scenes.Count)).Results;
            for (var i = 0; i < ShownScenes && i < task.Scenes.Count; i++)
            {
                var found = results.Where(r => r.ImageId == i + 1 && r.Score >= leastScore);
                images.Add(DetectionPainter.Draw(
                    ScenesOfNames.Picture(task.Scenes[i]),
                    [.. found.Select(r => new PaintedObject { Category = (int)r.CategoryId - 1, Label = task.Names[(int)r.CategoryId - 1], Score = r.Score, Box = r.Box })],
                    new PaintOptions { MinimumSide = 256 }));
            }
        }

        RgbImage.Grid(images, ShownScenes).Save(path);
    }

    static Detected Detect(GlipModel model, ScenesOfNames task, int count)
    {
        using var noGrad = no_grad();
        var results = new List<CocoResult>();
        var sums = new Dictionary<string, double>();
        var batches = 0;
        var post = new GlipPostProcessor(model.Config.Detection, model.Config.Anchors);
        for (var first = 0; first < count; first += Batch, batches++)
        {
            using var scope = NewDisposeScope();
            var scenes = task.Captioned(first, Math.Min(Batch, count - first));
            using var batch = new DetectorBatch(model.Config, model.Tokenizer!, scenes);
            var hidden = model.EncodeText(batch.Ids, batch.Mask);
            var outputs = model.Forward(model.EncodeImage(batch.Pixels), hidden, batch.Mask);
            var metrics = new Dictionary<string, double> { ["cosine"] = GroundingLoss.MeanCosine(batch.PhraseTokens[0].matmul(hidden[0])) };
            using (GroundingLoss.InCaption(batch, cat([.. outputs.Logits], 1), metrics))
            {
            }

            foreach (var (name, value) in metrics) sums[name] = sums.GetValueOrDefault(name) + value;
            ImageSize[] sizes = [.. scenes.Select(s => new ImageSize(s.Scene.Picture.Height, s.Scene.Picture.Width))];
            var found = post.Process(outputs, [.. batch.Tokens.Select(t => t.Classes)], sizes);
            for (var i = 0; i < found.Count; i++) results.AddRange(found[i].Select(d => Result(first + i + 1, d)));
        }

        return new Detected(
            results, sums.GetValueOrDefault("in_caption_accuracy") / batches, sums.GetValueOrDefault("in_caption_chance") / batches, sums["cosine"] / batches);
    }

    static CocoResult Result(long image, GlipDetection found) => new()
    {
        ImageId = image,
        CategoryId = found.Label,
        Score = found.Score,
        Box = BoxConvention.Inclusive.ToCoco(BoundingBox.FromCorners(found.X1, found.Y1, found.X2, found.Y2)),
    };

    static (int[] Icons, string[] Names) ChooseConcepts(IconPack pack, int[] icons)
    {
        int[] concepts = [.. icons.Select(i => pack.Icons[i].Concept).Distinct().Order()];
        int[] few = [.. Spread(concepts.Length).Select(i => concepts[i])];
        return ([.. icons.Where(i => few.Contains(pack.Icons[i].Concept))], [.. few.Select(c => pack.Concepts[c].Name)]);
    }

    // Places evenly over a list.
    static IEnumerable<int> Spread(int length)
    {
        var count = Math.Min(Classes, length);
        return Enumerable.Range(0, count).Select(i => (int)(((2L * i) + 1) * length / (2 * count)));
    }

    sealed record Detected(IReadOnlyList<CocoResult> Results, double Accuracy, double Chance, double Cosine);
}
