using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Tests.Recipes.Detector;

public sealed class CurriculumTests : IDisposable
{
    static readonly CurriculumStage[] s_stages = [new(0, 48, 0, AllEmoji: false), new(5, 64, 1, AllEmoji: true, MicroscopyPart: 0)];
    readonly DrawnData _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Scenes_follow_from_seed_and_step_and_their_stage_from_the_step()
    {
        var (a, b) = (new Curriculum(s_stages, _data.Pack, 3), new Curriculum(s_stages, _data.Pack, 3));
        _ = b.Scenes(2, 3);
        foreach (var (x, y) in a.Scenes(4, 3).Zip(b.Scenes(4, 3)))
        {
            Assert.Equal(x.Scene.Picture.Pixels, y.Scene.Picture.Pixels);
            Assert.Equal(x.Phrases.Select(p => p.Phrase), y.Phrases.Select(p => p.Phrase));
            Assert.Equal(48, x.Scene.Picture.Width);
        }

        Assert.Equal(64, a.Scenes(5, 1)[0].Scene.Picture.Width);
        Assert.NotEqual(a.Scenes(4, 1)[0].Scene.Picture.Pixels, new Curriculum(s_stages, _data.Pack, 4).Scenes(4, 1)[0].Scene.Picture.Pixels);
    }

    [Fact]
    public void Captions_ask_for_two_things_that_are_not_there_at_least_and_never_for_held_out_ones()
    {
        var curriculum = new Curriculum(s_stages, _data.Pack, 1);
        var heldOut = ScenePhrases.Shapes(p => SceneWords.IsHeldOut(p.Color, p.Shape)).Where(p => p.Split(' ').Length == 2 && !p.EndsWith("shape", StringComparison.Ordinal)).ToHashSet();
        heldOut.UnionWith(_data.Pack.Concepts.Where(c => c.HeldOut).Select(c => c.Name));
        // Concepts of the pack are named as shapes are: what is trained on as one of both may be said.
        heldOut.ExceptWith(_data.Pack.Concepts.Where(c => !c.HeldOut).Select(c => c.Name));
        heldOut.ExceptWith(ScenePhrases.Shapes(p => !SceneWords.IsHeldOut(p.Color, p.Shape)));
        for (var step = 0L; step < 12; step++)
            foreach (var scene in curriculum.Scenes(step, 6))
            {
                Assert.InRange(scene.Phrases.Count(p => p.Objects.Count == 0), 2, 14);
                Assert.DoesNotContain(scene.Phrases, p => heldOut.Contains(p.Phrase) && p.Objects.Count == 0);
            }
    }
}
