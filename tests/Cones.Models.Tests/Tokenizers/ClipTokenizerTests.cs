using System.Diagnostics;
using System.Text;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Tokenizers;

public sealed class ClipTokenizerTests : IDisposable
{
    readonly TokenizerTestFolder _folder = TokenizerTestFolder.Clip();
    readonly ClipTokenizer _tokenizer;

    public ClipTokenizerTests() => _tokenizer = ClipTokenizer.FromFolder(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Words_become_merged_symbols_between_bos_and_eos()
    {
        string[] expected = ["<|startoftext|>", "photo</w>", "of</w>", "cat</w>", "s</w>", "<|endoftext|>"];
        Assert.Equal(expected, _tokenizer.Encode("Photo  OF cat's").Select(_tokenizer.TokenOf).Where(t => t != "'"));
        Assert.Equal(77, _tokenizer.MaxLength);
        Assert.Equal(_tokenizer.EosId, _tokenizer.PadId);
        Assert.Equal(_tokenizer.EosId + 1, _tokenizer.VocabularySize);
    }

    [Fact]
    public void Every_token_knows_its_place_in_the_raw_text()
    {
        const string text = "A  cat e\u0301😀x dog!";
        var actual = _tokenizer.Encode(text, null);
        Assert.Equal(new TextSpan(0, 0), actual.Spans[0]);
        Assert.Equal(new TextSpan(0, 0), actual.Spans[^1]);
        // é is two tokens (bytes C3 A9), the emoji four: each covers the whole character.
        string[] expected = ["A", "cat", "e\u0301", "e\u0301", "😀", "😀", "😀", "😀", "x", "dog", "!"];
        Assert.Equal(expected, actual.Spans.Skip(1).SkipLast(1).Select(s => text[s.Start..s.End]));
    }

    [Fact]
    public void What_does_not_fit_is_reported_with_its_text()
    {
        var actual = _tokenizer.Encode("cat dog  cat dog!", 5, TokenPadding.MaxLength);
        Assert.Equal("dog!", actual.Truncated);
        Assert.Equal(_tokenizer.EosId, actual.Ids[^1]);
        Assert.Equal(5, actual.Ids.Count);
        Assert.Null(_tokenizer.Encode("cat dog  cat", 5).Truncated);
        Assert.Throws<ArgumentOutOfRangeException>(() => _tokenizer.Encode("cat", 1));
    }

    [Fact]
    public void Placeholders_are_found_in_the_raw_text_longest_first()
    {
        var size = _tokenizer.VocabularySize;
        var ids = _tokenizer.AddTokens("<dog>", "<dog>_1", "<Ärger 2>");
        Assert.Equal([size, size + 1, size + 2], ids);
        Assert.Equal(size + 3, _tokenizer.VocabularySize);

        var text = _tokenizer.Encode("a <dog><dog>_1 cat<Ärger 2>", 12, TokenPadding.MaxLength);
        Assert.Equal([2, 3, 5], text.FindSlots(ids));
        Assert.Equal([2], text.FindSequences([ids[0], ids[1]]));
        Assert.Equal([3], text.SlotsOf(new TextSpan(8, 10)));
        Assert.Empty(_tokenizer.Encode("a <DOG>", null).FindSlots(ids));
        Assert.Equal("a <dog><dog>_1cat <Ärger 2>", _tokenizer.Decode(text.Ids));
    }

    [Theory]
    [InlineData("<|endoftext|>")]
    [InlineData("cat</w>")]
    [InlineData("<dog>")]
    [InlineData("<new>", "<new>")]
    [InlineData(" ")]
    public void A_placeholder_that_cannot_be_added_adds_none(params string[] tokens)
    {
        _tokenizer.AddTokens("<dog>");
        var size = _tokenizer.VocabularySize;
        Assert.Throws<ConesException>(() => _tokenizer.AddTokens(["<first>", .. tokens]));
        Assert.Equal(size, _tokenizer.VocabularySize);
        Assert.Null(_tokenizer.IdOf("<first>"));
    }

    [Fact]
    public void A_placeholder_that_is_no_valid_text_is_refused() =>
        Assert.Throws<ConesException>(() => _tokenizer.AddTokens("<\ud800>"));

    [Fact]
    public void Padding_is_not_a_slot_of_the_text()
    {
        var text = _tokenizer.Encode("cat", 8, TokenPadding.MaxLength);
        Assert.Equal([2], text.FindSlots(_tokenizer.EosId));
        Assert.Equal([1, 1, 1, 0, 0, 0, 0, 0], text.AttentionMask);
    }

    [Fact]
    public void A_batch_is_one_int64_tensor()
    {
        using var scope = NewDisposeScope();
        var batch = _tokenizer.TokenizeBatch(["cat", "a cat of dog"]);
        Assert.Equal([2L, 77L], batch.Ids().shape);
        Assert.Equal(ScalarType.Int64, batch.Ids().dtype);
        Assert.Equal(9L, batch.AttentionMask().sum().item<long>());
        var longest = _tokenizer.TokenizeBatch(["cat", "a cat of dog"], padding: TokenPadding.Longest);
        Assert.Equal([2L, 6L], longest.Ids().shape);
        Assert.Equal(_tokenizer.PadId, longest.Texts[0].Ids[5]);
        Assert.Throws<ArgumentException>(() => _tokenizer.TokenizeBatch([]));
        Assert.Throws<ArgumentException>(() => _tokenizer.TokenizeBatch(["cat"], padding: TokenPadding.None));
    }

    [Fact]
    public void A_long_word_takes_little_time()
    {
        var word = string.Concat(Enumerable.Repeat("aaaab", 60_000));
        var time = Stopwatch.StartNew();
        var ids = _tokenizer.Encode(word);
        Assert.True(time.Elapsed < TimeSpan.FromSeconds(10), $"{time.Elapsed} for {word.Length} letters");
        Assert.Equal(120_002, ids.Length);
    }

    [Fact]
    public void Many_different_words_give_the_same_ids_again()
    {
        string[] words = [.. Enumerable.Range(0, 20_000).Select(i => $"w{(char)('a' + (i % 26))}{(char)('a' + (i / 26 % 26))}{(char)('a' + (i / 676))}")];
        var first = words.Select(w => _tokenizer.Encode(w)).ToArray();
        Assert.All(words.Zip(first).Take(100), p => Assert.Equal(p.Second, _tokenizer.Encode(p.First)));
    }

    [Fact]
    public void Any_string_can_be_encoded_and_spans_stay_inside_it()
    {
        foreach (var text in TextGenerator.Texts())
        {
            var tokens = _tokenizer.Encode(text, null);
            Assert.Equal(_tokenizer.BosId, tokens.Ids[0]);
            Assert.Equal(_tokenizer.EosId, tokens.Ids[^1]);
            var spans = tokens.Spans.Skip(1).SkipLast(1).ToArray();
            Assert.All(spans, s => Assert.True(s.Start >= 0 && s.Start < s.End && s.End <= text.Length, $"{s} of {text.Length}"));
            Assert.Equal(spans.Select(s => s.Start).Order(), spans.Select(s => s.Start));
        }
    }

    [Fact]
    public void Decoding_and_encoding_again_changes_nothing()
    {
        foreach (var text in TextGenerator.Texts())
        {
            var decoded = _tokenizer.Decode(_tokenizer.Encode(text));
            Assert.Equal(decoded, _tokenizer.Decode(_tokenizer.Encode(decoded)));
        }
    }

    [Fact]
    public void Composed_and_decomposed_text_have_the_same_ids()
    {
        foreach (var text in TextGenerator.Texts())
        {
            // Lone surrogates and noncharacters cannot be normalised everywhere.
            var valid = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace("\uffff", "", StringComparison.Ordinal).Replace("\ufffe", "", StringComparison.Ordinal);
            Assert.Equal(_tokenizer.Encode(valid), _tokenizer.Encode(valid.Normalize(NormalizationForm.FormD)));
        }
    }

    [Fact]
    public void Unknown_ids_are_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => _tokenizer.Decode([_tokenizer.VocabularySize]));
}
