using Cones.Models;
using Cones.Models.Tokenizers;
using Cones.Tasks.Generation;

namespace Cones.Tests.Generation;

public sealed class PlaceholderTests
{
    static ClipTokenizer Tokenizer() => ClipTokenizer.FromFolder(Path.Combine(EmbeddedModels.Find(EmbeddedModels.StableDiffusion), "tokenizer"));

    [Fact]
    public void A_placeholder_becomes_the_tokens_of_its_words()
    {
        var placeholder = Placeholder.ForWords("<x>", "red apple", Tokenizer());
        var placed = new PlaceholderTokenizer(Tokenizer(), [placeholder]).Encode("an emoji of a <x> on a white background");
        var written = Tokenizer().Encode("an emoji of a red apple on a white background");
        Assert.Equal(2, placeholder.Slots);
        Assert.Equal(written, placed.Ids[..written.Length]);
        Assert.Equal([5, 6], placed.Slots[0]);
        Assert.Null(placed.Cut);
    }

    [Fact]
    public void More_slots_repeat_the_words_and_fewer_cut_them()
    {
        var ids = Tokenizer().Encode("red apple")[1..^1];
        foreach (var slots in (int[])[1, 3, 5])
        {
            var placed = new PlaceholderTokenizer(Tokenizer(), [new Placeholder("<x>", "red apple", slots)]).Encode("a <x>");
            Assert.Equal(Enumerable.Range(0, slots).Select(i => ids[i % 2]), placed.Slots[0].Select(s => placed.Ids[s]));
        }
    }

    [Fact]
    public void A_long_prompt_is_cut_and_says_so()
    {
        var placed = new PlaceholderTokenizer(Tokenizer(), [new Placeholder("<x>", "apple", 1)]).Encode(string.Join(' ', Enumerable.Repeat("red", 40)) + " <x>");
        Assert.Equal(string.Join(' ', Enumerable.Repeat("red", 18)) + " <x>", placed.Cut); // 22 words fit between start and end
        Assert.Equal(24, placed.Ids.Length);
        Assert.Equal(Tokenizer().EosId, placed.Ids[^1]);
        Assert.Empty(placed.Slots[0]);
    }

    [Fact]
    public void Words_without_tokens_are_refused() =>
        Assert.Contains("--init", Assert.Throws<ConesException>(() => Placeholder.ForWords("<x>", "  ", Tokenizer())).Message, StringComparison.Ordinal);
}
