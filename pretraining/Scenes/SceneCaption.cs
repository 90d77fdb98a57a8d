using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>A phrase of a caption and the objects it is true of; none for a negative one.</summary>
/// <param name="Phrase">The words.</param>
/// <param name="Objects">Positions in <see cref="Scene.Objects"/>.</param>
readonly record struct CaptionPhrase(string Phrase, IReadOnlyList<int> Objects);

/// <summary>Captions for detection: names of some objects, names of nothing.</summary>
static class SceneCaption
{
    // Part of the present names that are left out: what is not asked for must not be found.
    const double Omitted = 0.2;

    /// <summary>The phrases of a caption in random order, each with all objects that it is true of.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="negatives">How many phrases are true of nothing.</param>
    /// <param name="vocabulary">Phrases to take negatives from; half are taken from those that share a word with a true one.</param>
    /// <param name="random">Decides.</param>
    public static IReadOnlyList<CaptionPhrase> Make(Scene scene, int negatives, IReadOnlyList<string> vocabulary, ref CounterRandom random)
    {
        var phrases = new List<string>();
        foreach (var what in scene.Objects.Select(o => o.Class).Distinct())
        {
            if (random.Chance(Omitted)) continue;
            string[] all = [.. what.Phrases()];
            var phrase = random.Chance(0.6) ? all[0] : random.Pick(all);
            if (!phrases.Contains(phrase)) phrases.Add(phrase);
        }

        var present = scene.Objects.SelectMany(o => o.Class.Phrases()).ToHashSet();
        string[] absent = [.. vocabulary.Where(p => !present.Contains(p))];
        var words = phrases.SelectMany(p => p.Split(' ')).ToHashSet();
        string[] near = [.. absent.Where(p => p.Split(' ').Any(words.Contains))];
        foreach (var negative in random.Choose(near, negatives / 2).Concat(random.Choose(absent, negatives)).Distinct().Take(negatives)) phrases.Add(negative);
        return
        [
            .. random.Choose(phrases, phrases.Count).Select(p => new CaptionPhrase(
                p, [.. Enumerable.Range(0, scene.Objects.Count).Where(i => scene.Objects[i].Class.Phrases().Contains(p))])),
        ];
    }
}
