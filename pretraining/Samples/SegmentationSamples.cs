using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Masks;
using Cones.Pretraining.Data;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Recipes.Segmenter;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Samples;

/// <summary>Draws <c>samples/segmentation</c>: scenes of concepts that no recipe sees, with COCO's JSON of their masks.</summary>
static class SegmentationSamples
{
    const int Side = 128;
    const long Seed = 31;
    const float Covered = 0.5f;

    static readonly string[] s_concepts = ["panda", "tomato", "broccoli", "eggplant"];

    // The styles that samples/README.md gives credit for.
    static readonly string[] s_styles = ["twemoji", "noto", "noto-v1", "fluent-3d", "fluent-emoji", "fluent-emoji-flat"];

    /// <summary>Draws the pictures.</summary>
    /// <param name="data">The folder that prepare-data.sh filled.</param>
    /// <param name="output">Receives train.json, val.json, test.json and, in folders of these names, the pictures.</param>
    public static void Draw(string data, string output)
    {
        var pack = IconPack.Open(data);
        var icons = pack.Select((c, style) => c.HeldOut && s_concepts.Contains(c.Name) && s_styles.Contains(style));
        var generator = new SceneGenerator(new SceneOptions(Side, EmojiPart: 1, CrowdPart: 0, MicroscopyPart: 0), pack, icons);
        var number = 0;
        foreach (var (name, count) in new[] { ("train", 6), ("val", 4), ("test", 6) })
        {
            Scene[] scenes = [.. Enumerable.Range(0, count).Select(_ => Next())];
            Directory.CreateDirectory(Path.Combine(output, name));
            var dataset = Dataset(name, scenes);
            foreach (var (scene, image) in scenes.Zip(dataset.Images)) ScenesOfNames.Picture(scene).Save(Path.Combine(output, image.FileName));
            CocoWriter.Write(dataset, Path.Combine(output, $"{name}.json"));
            Console.WriteLine($"{name}: {dataset.AnnotationCount} objects in {count} pictures");
        }

        // Pictures of one concept only would teach and tell little.
        Scene Next()
        {
            while (true)
                if (generator.Draw(Seed, number++) is var scene && scene.Objects.Select(o => o.Class).Distinct().Count() > 1 && scene.Objects.All(SegmenterBatch.CanBeOutlined)) return scene;
        }
    }

    static DetectionDataset Dataset(string name, IReadOnlyList<Scene> scenes)
    {
        var id = 0;
        return new DetectionDataset(
            [.. s_concepts.Select((c, i) => new DatasetCategory(i + 1, c))],
            [.. scenes.Select((scene, i) => new DatasetImage
            {
                Id = i + 1,
                FileName = $"{name}/{i + 1:D2}.png",
                Width = Side,
                Height = Side,
                Annotations = [.. scene.Objects.Select(Annotation)],
            })]);

        DatasetAnnotation Annotation(SceneObject thing)
        {
            var mask = RleMask.Encode(Side, Side, Array.ConvertAll(thing.Mask, m => (byte)(m >= Covered ? 1 : 0)));
            return new DatasetAnnotation
            {
                Id = ++id,
                CategoryId = Array.IndexOf(s_concepts, thing.Class.Emoji!.Name) + 1,
                Box = mask.Box,
                Area = mask.Area,
                Segmentation = Cones.Data.Masks.Segmentation.FromMask(mask),
            };
        }
    }
}
