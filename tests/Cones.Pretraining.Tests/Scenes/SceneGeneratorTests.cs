using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Tests.Scenes;

public sealed class SceneGeneratorTests
{
    static readonly SceneOptions s_options = new(Side: 64, CrowdPart: 0.3, MicroscopyPart: 0.3);

    [Fact]
    public void A_scene_follows_from_seed_and_number()
    {
        var scene = new SceneGenerator(s_options).Draw(3, 5);
        var other = new SceneGenerator(s_options);
        _ = other.Draw(3, 4);
        var again = other.Draw(3, 5);
        Assert.Equal(scene.Picture.Pixels, again.Picture.Pixels);
        Assert.Equal(scene.Objects.Select(o => o.Box), again.Objects.Select(o => o.Box));
        Assert.NotEqual(scene.Picture.Pixels, other.Draw(4, 5).Picture.Pixels);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Boxes_are_those_of_the_masks_and_masks_do_not_overlap(bool hard)
    {
        var generator = new SceneGenerator(s_options with { Hard = hard });
        for (var number = 0; number < 60; number++)
        {
            var scene = generator.Draw(1, number);
            var covered = new double[scene.Picture.Pixels.Length];
            foreach (var thing in scene.Objects)
            {
                var inside = Enumerable.Range(0, thing.Mask.Length).Where(i => thing.Mask[i] >= 0.5f).ToArray();
                Assert.Equal(inside.Min(i => i % 64), thing.Box.Left);
                Assert.Equal(inside.Max(i => i % 64) + 1, thing.Box.Right);
                Assert.Equal(inside.Min(i => i / 64), thing.Box.Top);
                Assert.Equal(inside.Max(i => i / 64) + 1, thing.Box.Bottom);
                Assert.InRange(thing.Visible, 0.15, 1.0001);
                for (var i = 0; i < covered.Length; i++) covered[i] += thing.Mask[i];
            }

            Assert.All(covered, c => Assert.InRange(c, 0, 1.0001));
            Assert.All(scene.Picture.Pixels, p => Assert.InRange(p[0] + p[1] + p[2], -0.001, 3.001));
        }
    }

    [Fact]
    public void Held_out_pairs_occur_only_where_they_are_asked_for()
    {
        foreach (var heldOut in new[] { false, true })
        {
            var generator = new SceneGenerator(s_options with { MicroscopyPart = 0, HeldOutPairs = heldOut });
            var classes = Enumerable.Range(0, 60).SelectMany(i => generator.Draw(2, i).Objects).Select(o => o.Class).ToArray();
            Assert.NotEmpty(classes);
            Assert.All(classes, c => Assert.Equal(heldOut, SceneWords.IsHeldOut(c.Color, c.Shape!.Value)));
        }

        Assert.Equal(18, Enumerable.Range(0, 10).Sum(c => Enum.GetValues<ShapeKind>().Count(s => SceneWords.IsHeldOut(c, s))));
    }

    [Fact]
    public void Boxes_of_smears_go_around_all_of_a_cell_and_are_a_little_loose()
    {
        var generator = new SceneGenerator(s_options with { CrowdPart = 0, MicroscopyPart = 0, SmearPart = 1 });
        var (kinds, wider) = (new HashSet<ShapeKind>(), 0);
        for (var number = 0; number < 40; number++)
        {
            var scene = generator.Draw(1, number);
            foreach (var thing in scene.Objects)
            {
                kinds.Add(thing.Class.Shape!.Value);
                Assert.False(SceneWords.IsHeldOut(thing.Class.Color, thing.Class.Shape.Value));
                Assert.InRange(thing.Box.Left, 0, thing.Box.Right - 3);
                Assert.InRange(thing.Box.Bottom, thing.Box.Top + 3, 64);
                var inside = Enumerable.Range(0, thing.Mask.Length).Where(i => thing.Mask[i] >= 0.5f).ToArray();
                if (inside.Length == 0) continue;
                Assert.True(thing.Box.Left <= inside.Min(i => i % 64) && thing.Box.Right > inside.Max(i => i % 64));
                Assert.True(thing.Box.Top <= inside.Min(i => i / 64) && thing.Box.Bottom > inside.Max(i => i / 64));
                if (thing.Box.Width > inside.Max(i => i % 64) + 1 - inside.Min(i => i % 64)) wider++;
            }
        }

        Assert.Equal([ShapeKind.Circle, ShapeKind.Blob, ShapeKind.Cell], kinds.Order());
        Assert.True(wider > 20, $"{wider} boxes are loose");
        Assert.Equal(new SceneBox(0, 8, 21, 33), new BoxLooseness(0.1, 0).Around(new SceneBox(0, 10, 19, 31), 64, 64));
        Assert.Equal(new SceneBox(4, 9, 20, 32), new BoxLooseness(0, 1).Around(new SceneBox(5, 10, 19, 31), 20, 64));
    }

    [Fact]
    public void Emoji_are_drawn_where_their_masks_say()
    {
        var solid = Enumerable.Range(0, IconPack.Side * IconPack.Side).SelectMany(_ => (byte[])[255, 0, 0, 255]).ToArray();
        var pack = new IconPack([new EmojiConcept("1", "brick", [], "objects", "pretrain", new Dictionary<string, string>())], [new Icon(0, "noto")], [solid]);
        var generator = new SceneGenerator(s_options with { EmojiPart = 1, CrowdPart = 0, MicroscopyPart = 0 }, pack, [0]);
        var scene = generator.Draw(1, 1);
        Assert.NotEmpty(scene.Objects);
        foreach (var thing in scene.Objects)
        {
            Assert.Equal("brick", Assert.Single(thing.Class.Phrases()));
            for (var i = 0; i < thing.Mask.Length; i++)
                if (thing.Mask[i] > 0.999f) Assert.InRange(scene.Picture.Pixels[i][0] - scene.Picture.Pixels[i][1], 0.99f, 1.001f);
        }
    }

    [Fact]
    public void Captions_say_the_truth()
    {
        var generator = new SceneGenerator(s_options);
        string[] vocabulary = [.. Enumerable.Range(0, 10).SelectMany(c => Enum.GetValues<ShapeKind>().Select(s => $"{SceneWords.Colors[c].Name} {SceneWords.Of(s)}"))];
        for (var number = 0; number < 40; number++)
        {
            var scene = generator.Draw(8, number);
            var random = new CounterRandom((ulong)number);
            var caption = SceneCaption.Make(scene, 4, vocabulary, ref random);
            Assert.Equal(4, caption.Count(p => p.Objects.Count == 0));
            Assert.Equal(caption.Count, caption.Select(p => p.Phrase).Distinct().Count());
            foreach (var (phrase, objects) in caption)
                Assert.Equal(scene.Matching(phrase), objects.Select(i => scene.Objects[i]));
        }
    }
}
