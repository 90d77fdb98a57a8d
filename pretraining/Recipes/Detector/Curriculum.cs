using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>What scenes are drawn from a step on.</summary>
/// <param name="From">The first step.</param>
/// <param name="Side">The scenes' side in pixels.</param>
/// <param name="HardPart">The part of the scenes that are hard.</param>
/// <param name="AllEmoji">Whether all concepts occur, by their tags too, or a few only.</param>
/// <param name="CrowdPart">The part of the scenes that are crowds.</param>
/// <param name="MicroscopyPart">The part of the scenes that look like a microscope's.</param>
/// <param name="SmearPart">The part of the scenes that look like stained smears.</param>
sealed record CurriculumStage(
    long From, int Side, double HardPart, bool AllEmoji, double CrowdPart = 0.1, double MicroscopyPart = 0.1, double SmearPart = 0);

/// <summary>Scenes with captions by step, easy ones first: words are learnt on plain scenes with few concepts, or very late.</summary>
sealed class Curriculum
{
    // Of the concepts that are not held out, so many occur from the beginning.
    const int FirstConcepts = 48;

    // Some captions are as long as those of users with many classes.
    const double LongCaptions = 0.08;
    const int MostNegatives = 7;
    const int MostNegativesOfLong = 14;

    readonly long _seed;
    readonly IReadOnlyList<CurriculumStage> _stages;
    readonly Dictionary<CurriculumStage, (SceneGenerator Easy, SceneGenerator Hard, IReadOnlyList<string> Vocabulary)> _generators;

    /// <summary>The scenes of a run.</summary>
    public Curriculum(IReadOnlyList<CurriculumStage> stages, IconPack pack, long seed)
    {
        (_seed, _stages) = (seed, stages);
        int[] all = pack.Select((c, _) => !c.HeldOut), few = First(pack);
        var shapes = ScenePhrases.Shapes(p => !SceneWords.IsHeldOut(p.Color, p.Shape));
        _generators = stages.ToDictionary(s => s, s =>
        {
            var emoji = s.AllEmoji ? all : few;
            var tags = s.AllEmoji ? ScenePhrases.Tags(pack, all) : new HashSet<string>();
            var options = new SceneOptions(s.Side, CrowdPart: s.CrowdPart, MicroscopyPart: s.MicroscopyPart, SmearPart: s.SmearPart);
            return (
                new SceneGenerator(options, pack, emoji, tags: tags), new SceneGenerator(options with { Hard = true }, pack, emoji, tags: tags),
                (IReadOnlyList<string>)[.. shapes.Concat(ScenePhrases.Emoji(pack, emoji)).Concat(tags.Order(StringComparer.Ordinal)).Distinct()]);
        });
    }

    /// <summary>The drawings of the concepts that occur from the beginning.</summary>
    public static int[] First(IconPack pack)
    {
        int[] concepts = [.. Enumerable.Range(0, pack.Concepts.Count).Where(c => !pack.Concepts[c].HeldOut)];
        var first = Enumerable.Range(0, Math.Min(FirstConcepts, concepts.Length)).Select(i => concepts[(int)((long)i * concepts.Length / Math.Min(FirstConcepts, concepts.Length))]).ToHashSet();
        return [.. Enumerable.Range(0, pack.Icons.Count).Where(i => first.Contains(pack.Icons[i].Concept))];
    }

    /// <summary>The scenes of a step.</summary>
    public IReadOnlyList<CaptionedScene> Scenes(long step, int count)
    {
        var stage = _stages.Last(s => s.From <= step);
        var (easy, hard, vocabulary) = _generators[stage];
        var random = CounterRandom.At(_seed, "captions", step);
        var most = random.Chance(LongCaptions) ? MostNegativesOfLong : MostNegatives;
        var scenes = new CaptionedScene[count];
        for (var i = 0; i < count; i++)
        {
            var scene = (random.Chance(stage.HardPart) ? hard : easy).Draw(_seed, (step * count) + i);
            scenes[i] = new CaptionedScene(scene, SceneCaption.Make(scene, 2 + random.Below(most - 1), vocabulary, ref random));
        }

        return scenes;
    }
}
