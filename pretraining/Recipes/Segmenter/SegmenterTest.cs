using Cones.Data;
using Cones.Data.Masks;
using Cones.Models.Imaging;
using Cones.Models.Sam;
using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;
using Cones.Tasks.Segmentation;
using Cones.Visualization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>How well the masks by true boxes fit, in the pictures' pixels: the mean over the objects of fixed scenes.</summary>
sealed class SegmenterTest
{
    readonly string _name;
    readonly Scene[] _scenes;
    readonly int _side;

    /// <summary>The test of the scenes of a generator.</summary>
    public SegmenterTest(string name, SceneGenerator generator, int scenes, int side)
    {
        (_name, _side) = (name, side);
        _scenes = [.. Enumerable.Range(0, scenes).Select(i => generator.Draw(20_240, i)).Where(s => s.Objects.Any(SegmenterBatch.CanBeOutlined))];
    }

    /// <summary>Held-out emoji, crowds of held-out pairs of colour and shape, cells.</summary>
    /// <param name="pack">The drawings.</param>
    /// <param name="side">The pictures' side.</param>
    /// <param name="scenes">Scenes of emoji; of the others half as many.</param>
    public static IReadOnlyList<SegmenterTest> All(IconPack pack, int side, int scenes)
    {
        var heldOut = pack.Select((c, _) => c.HeldOut);
        return
        [
            new("heldout", new SceneGenerator(new SceneOptions(side, EmojiPart: 1, CrowdPart: 0, MicroscopyPart: 0), pack, heldOut), scenes, side),
            new("crowd", new SceneGenerator(new SceneOptions(side, CrowdPart: 1, MicroscopyPart: 0, HeldOutPairs: true)), scenes / 2, side),
            new("cells", new SceneGenerator(new SceneOptions(side, MicroscopyPart: 1)), scenes / 2, side),
        ];
    }

    /// <summary>The mean IoU of the masks, and, to compare, of the boxes taken for masks.</summary>
    public IReadOnlyDictionary<string, double> Scores(SamModel model)
    {
        var (masks, boxes) = (new List<double>(), new List<double>());
        foreach (var (_, found, truth, box) in Found(model))
        {
            masks.Add(found.Iou(truth));
            boxes.Add(Segmentation.FromBox(box).ToMask(_side, _side).Iou(truth));
        }

        return new Dictionary<string, double> { [$"{_name}_iou"] = masks.Average(), [$"{_name}_box_iou"] = boxes.Average() };
    }

    /// <summary>Some scenes with the masks found.</summary>
    public IReadOnlyList<RgbImage> Drawn(SamModel model, int count)
    {
        var byScene = Found(model, count).GroupBy(f => f.Scene);
        return [.. byScene.Select(g => DetectionPainter.Draw(
            new RgbImage(_side, _side, g.Key.Picture.ToRgb()),
            [.. g.Select((f, i) => new PaintedObject { Mask = f.Found, Box = f.Box, Category = i })],
            new PaintOptions { Labels = false, MinimumSide = 256, LineWidth = 1 }))];
    }

    IEnumerable<(Scene Scene, RleMask Found, RleMask Truth, BoundingBox Box)> Found(SamModel model, int scenes = int.MaxValue)
    {
        using var noGrad = no_grad();
        var size = new ImageSize(_side, _side);
        foreach (var scene in _scenes.Take(scenes))
        {
            using var scope = NewDisposeScope();
            SceneObject[] objects = [.. scene.Objects.Where(SegmenterBatch.CanBeOutlined)];
            var random = new CounterRandom(1);
            var batch = SegmenterBatch.Of([scene], 1, model.Config.PromptEncoder.MaskSize, 0, 0, ref random);
            var corners = tensor(objects.SelectMany(o => (float[])[o.Box.Left, o.Box.Top, o.Box.Right, o.Box.Bottom]).ToArray(), [1, objects.Length, 4]);
            var output = model.Decode(model.EncodeImage(batch.Pixels), model.EncodePrompts(new SamPrompts { Boxes = corners }), multimaskOutput: false);
            var inside = (SamProcessor.MasksToImage(output.PredMasks[0].squeeze(1), size, size, size) > 0).to(ScalarType.Byte).contiguous().bytes.ToArray();
            for (var i = 0; i < objects.Length; i++)
            {
                var box = objects[i].Box;
                yield return (
                    scene,
                    RleMask.Encode(_side, _side, inside.AsSpan(i * _side * _side, _side * _side)),
                    RleMask.Encode(_side, _side, Array.ConvertAll(objects[i].Mask, m => (byte)(m >= 0.5f ? 1 : 0))),
                    new BoundingBox(box.Left, box.Top, box.Width, box.Height));
            }
        }
    }
}
