using Cones.Data.Coco;
using Cones.Models.Imaging;
using Cones.Pretraining.Data;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Samples;

/// <summary>Draws <c>samples/detection</c>: scenes of concepts that no recipe sees, with COCO's JSON.</summary>
static class DetectionSamples
{
    const int Side = 128;
    const long Seed = 22;

    static readonly string[] s_concepts = ["panda", "tomato", "broccoli", "eggplant"];

    // The styles that samples/README.md gives credit for.
    static readonly string[] s_styles = ["twemoji", "noto", "noto-v1", "fluent-3d", "fluent-emoji", "fluent-emoji-flat"];

    /// <summary>Draws the pictures.</summary>
    /// <param name="data">The folder that prepare-data.sh filled.</param>
    /// <param name="output">Receives the pictures, train.json and test.json.</param>
    public static void Draw(string data, string output)
    {
        var pack = IconPack.Open(data);
        Directory.CreateDirectory(output);
        var icons = pack.Select((c, style) => c.HeldOut && s_concepts.Contains(c.Name) && s_styles.Contains(style));
        var generator = new SceneGenerator(new SceneOptions(Side, EmojiPart: 1, CrowdPart: 0.15, MicroscopyPart: 0), pack, icons);
        var number = 0;
        foreach (var (name, count) in new[] { ("train", 10), ("test", 20) })
        {
            var scenes = new ScenesOfNames(name, s_concepts, [.. Enumerable.Range(0, count).Select(_ => Next())]);
            var dataset = scenes.ToDataset();
            foreach (var (scene, image) in scenes.Scenes.Zip(dataset.Images)) ScenesOfNames.Picture(scene).Save(Path.Combine(output, image.FileName));
            CocoWriter.Write(dataset, Path.Combine(output, $"{name}.json"));
            foreach (var category in dataset.Categories)
                Console.WriteLine($"{name}: {dataset.Images.Count(i => i.Annotations.Any(a => a.CategoryId == category.Id))} pictures show {category.Name}");
        }

        // Pictures of one concept only would teach and tell little.
        Scene Next()
        {
            while (true)
                if (generator.Draw(Seed, number++) is var scene && scene.Objects.Select(o => o.Class).Distinct().Count() > 1) return scene;
        }
    }
}
