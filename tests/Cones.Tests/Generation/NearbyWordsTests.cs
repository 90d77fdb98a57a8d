using Cones.Tasks.Generation;

namespace Cones.Tests.Generation;

public class NearbyWordsTests
{
    [Fact]
    public void The_words_come_first_then_whole_words_of_the_vocabulary()
    {
        using var text = TextSide.FromFolder(EmbeddedModels.Find(EmbeddedModels.StableDiffusion));
        var words = NearbyWords.With(["grapes", "red apple"], text.NewTokenizer(), text.Encoder.TokenTable, 5);
        Assert.Equal(12, words.Count);
        Assert.Equal(["grapes", "red apple"], words.Take(2));
        Assert.Equal(12, words.Distinct().Count());
        Assert.All(words.Skip(2), w => Assert.Matches("^[a-z]{3,}$", w));
        Assert.All(words.Skip(2), w => Assert.Single(Placeholder.BaseIds(w, text.NewTokenizer())));
        Assert.Contains(words.Skip(7), w => w is "apple" or "red");
    }

    [Fact]
    public void The_common_words_are_different_and_plain() =>
        Assert.Equal(CommonWords.All.Count, CommonWords.All.Where(w => w.All(char.IsAsciiLetterLower)).Distinct().Count());
}
