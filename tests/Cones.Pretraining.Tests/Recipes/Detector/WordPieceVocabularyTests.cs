using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Tests.Recipes.Detector;

public sealed class WordPieceVocabularyTests : IDisposable
{
    readonly DrawnData _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public void The_words_of_captions_are_single_tokens()
    {
        Assert.Equal(_data.Vocabulary.Count, _data.Vocabulary.Distinct().Count());
        Assert.Equal(_data.Vocabulary.Count, _data.Tokenizer.VocabularySize);
        Assert.Equal(["[PAD]", "[UNK]", "[CLS]", "[SEP]"], _data.Vocabulary.Take(4));
        foreach (var phrase in ScenePhrases.Shapes(_ => true).Concat(_data.Pack.Concepts.Select(c => c.Name)))
            Assert.Equal(phrase.Split(' ').Length + 2, _data.Tokenizer.Encode(phrase).Length);
    }

    [Theory]
    [InlineData("red circles. zyx-9")]
    [InlineData("Platelets (white), ring?")]
    public void Other_words_are_spelt(string text) => Assert.DoesNotContain(_data.Tokenizer.UnkId, _data.Tokenizer.Encode(text));

    [Fact]
    public void A_tag_counts_when_two_concepts_have_it()
    {
        EmojiConcept Concept(string name, params string[] tags) => new(name, name, tags, "objects", "pretrain", new Dictionary<string, string>());
        var vocabulary = Pretraining.Recipes.Detector.WordPieceVocabulary.Make([Concept("mug", "drink", "cup"), Concept("glass", "drink")]);
        Assert.Contains("drink", vocabulary);
        Assert.DoesNotContain("cup", vocabulary);
        Assert.Contains("mug", vocabulary);
    }
}
