using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Scenes;
using Cones.Pretraining.Smoke;

namespace Cones.Pretraining.Tests.Recipes.Detector;

/// <summary>A pack of drawn icons, and the vocabulary of its names.</summary>
sealed class DrawnData : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public DrawnData()
    {
        SmokeData.Write(_folder.Path);
        Pack = IconPack.Open(_folder.Path);
        Vocabulary = WordPieceVocabulary.Make(Pack.Concepts);
        File.WriteAllLines(Path.Combine(_folder.Path, "vocab.txt"), Vocabulary);
        Tokenizer = BertTokenizer.FromFolder(_folder.Path);
    }

    public IconPack Pack { get; }

    public IReadOnlyList<string> Vocabulary { get; }

    public BertTokenizer Tokenizer { get; }

    /// <summary>A scene of boxes; nothing is drawn.</summary>
    public static Scene Scene(int side, params (SceneClass Class, SceneBox Box)[] objects) =>
        new(new Canvas(side, side), [.. objects.Select(o => new SceneObject(o.Class, [], o.Box, 1))]);

    /// <summary>A scene with the caption of some names.</summary>
    public static CaptionedScene Captioned(Scene scene, params string[] names) => new(
        scene, [.. names.Select(n => new CaptionPhrase(n, [.. Enumerable.Range(0, scene.Objects.Count).Where(i => scene.Objects[i].Class.Phrases().Contains(n))]))]);

    public void Dispose() => _folder.Dispose();
}
