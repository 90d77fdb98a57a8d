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
        int[] first = Curriculum.First(pack), seen = pack.Select((c, _) => !c.HeldOut), heldOut = pack.Select((c, _) => c.HeldOut);
        _tasks =
        [
            Emoji("first", first), Emoji("seen", seen), Emoji("heldout", heldOut),
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
            return [.. Enumerable.Range(0, scenes).Select(i => generator.Draw(Seed + name.Length, i))];
        }
    }

    /// <summary>All scores, by name.</summary>
    public IReadOnlyDictionary<string, double> Compute(GlipModel model)
    {
        var scores = new Dictionary<string, double>();
        foreach (var task in _tasks)
        {
            var (results, accuracy) = Detect(model, task, task.Scenes.Count);
            var stats = CocoEvaluator.Evaluate(task.ToDataset(), results).Stats;
            scores[$"{task.Name}_ap"] = 100 * stats.AP;
            scores[$"{task.Name}_ap50"] = 100 * stats.AP50;
            scores[$"{task.Name}_accuracy"] = accuracy;
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

    static (IReadOnlyList<CocoResult> Results, double Accuracy) Detect(GlipModel model, ScenesOfNames task, int count)
    {
        using var noGrad = no_grad();
        var results = new List<CocoResult>();
        var (accuracy, batches) = (0.0, 0);
        var post = new GlipPostProcessor(model.Config.Detection, model.Config.Anchors);
        for (var first = 0; first < count; first += Batch)
        {
            using var scope = NewDisposeScope();
            var scenes = task.Captioned(first, Math.Min(Batch, count - first));
            using var batch = new DetectorBatch(model.Config, model.Tokenizer!, scenes);
            var outputs = model.Forward(model.EncodeImage(batch.Pixels), model.EncodeText(batch.Ids, batch.Mask), batch.Mask);
            var metrics = new Dictionary<string, double>();
            using (GroundingLoss.InCaption(batch, cat([.. outputs.Logits], 1), metrics)) accuracy += metrics.GetValueOrDefault("in_caption_accuracy");
            batches++;
            ImageSize[] sizes = [.. scenes.Select(s => new ImageSize(s.Scene.Picture.Height, s.Scene.Picture.Width))];
            var found = post.Process(outputs, [.. batch.Tokens.Select(t => t.Classes)], sizes);
            for (var i = 0; i < found.Count; i++)
                results.AddRange(found[i].Select(d => new CocoResult
                {
                    ImageId = first + i + 1,
                    CategoryId = d.Label,
                    Score = d.Score,
                    Box = BoxConvention.Inclusive.ToCoco(BoundingBox.FromCorners(d.X1, d.Y1, d.X2, d.Y2)),
                }));
        }

        return (results, accuracy / batches);
    }

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
}
