using Cones.Models.Tokenizers;
using Cones.Pretraining.Recipes.Tokenizer;
using Cones.Pretraining.Smoke;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Tests.Recipes;

public sealed class BytePairTrainerTests
{
    [Fact]
    public void The_most_frequent_pair_is_merged_first_and_ties_are_ordinal()
    {
        var words = new Dictionary<string, int> { ["low"] = 5, ["lot"] = 2, ["new"] = 6 };
        var merges = BytePairTrainer.Learn(words, 3, 2);
        Assert.Equal([("l", "o"), ("e", "w</w>"), ("n", "ew</w>")], merges);
    }

    [Fact]
    public void Rare_pairs_stay_apart() =>
        Assert.Empty(BytePairTrainer.Learn(new Dictionary<string, int> { ["abc"] = 1 }, 10, 2));

    [Fact]
    public void Known_words_become_single_tokens()
    {
        using var folder = new TemporaryFolder();
        SmokeData.Write(folder.Path);
        var options = new RunOptions(folder.Path, folder.Path, null, 0, 1, TextWriter.Null);
        Assert.True(new TokenizerRecipe { MaxLength = 12 }.Run(options, default));
        var tokenizer = ClipTokenizer.FromFolder(options.Model("tokenizer"));
        Assert.Equal(12, tokenizer.MaxLength);
        Assert.Equal(5, tokenizer.Encode("A Red   circle").Length);
        Assert.Equal(tokenizer.VocabularySize - 1, tokenizer.EosId);
        Assert.Equal("a red circle", tokenizer.Decode(tokenizer.Encode("a red circle")));
    }
}
