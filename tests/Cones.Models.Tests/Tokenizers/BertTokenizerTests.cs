using Cones.Models.Tokenizers;

namespace Cones.Models.Tests.Tokenizers;

public sealed class BertTokenizerTests : IDisposable
{
    readonly TokenizerTestFolder _folder = TokenizerTestFolder.Bert();
    readonly BertTokenizer _tokenizer;

    public BertTokenizerTests() => _tokenizer = BertTokenizer.FromFolder(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Words_become_pieces_with_spans()
    {
        const string text = "Cats. DOGGY café字 zebra!";
        var actual = _tokenizer.Encode(text, null);
        string[] expected = ["[CLS]", "cat", "##s", ".", "dog", "##gy", "cafe", "字", "[UNK]", "!", "[SEP]"];
        Assert.Equal(expected, actual.Ids.Select(_tokenizer.TokenOf));
        string[] covered = ["Cat", "s", ".", "DOG", "GY", "café", "字", "zebra", "!"];
        Assert.Equal(covered, actual.Spans.Skip(1).SkipLast(1).Select(s => text[s.Start..s.End]));
        Assert.Equal([4, 5], actual.SlotsOf(new TextSpan(6, 11)));
        Assert.Equal("cats. doggy cafe 字!", _tokenizer.Decode(actual.Ids));
        Assert.Equal(512, _tokenizer.MaxLength);
        Assert.Equal(17, _tokenizer.VocabularySize);
    }

    [Fact]
    public void Special_strings_in_the_text_are_tokens()
    {
        Assert.Equal([_tokenizer.ClsId, _tokenizer.MaskId!.Value, _tokenizer.IdOf("cat")!.Value, _tokenizer.SepId], _tokenizer.Encode("[MASK]cat"));
        Assert.Equal(5, _tokenizer.Encode("[mask]").Length);
    }

    [Fact]
    public void Cutting_keeps_sep_and_reports_the_rest()
    {
        var actual = _tokenizer.Encode("traffic light. cat", 4);
        Assert.Equal(["[CLS]", "traffic", "light", "[SEP]"], actual.Ids.Select(_tokenizer.TokenOf));
        Assert.Equal(". cat", actual.Truncated);
        var batch = _tokenizer.TokenizeBatch(["cat", "a cat. dog"]);
        Assert.Equal(6, batch.Length);
        Assert.Equal([1, 1, 1, 0, 0, 0], batch.Texts[0].AttentionMask);
    }

    [Fact]
    public void The_configuration_decides_on_casing()
    {
        _folder.Write("tokenizer_config.json", new { do_lower_case = false, model_max_length = 256 });
        var cased = BertTokenizer.FromFolder(_folder.Path);
        Assert.Equal(256, cased.MaxLength);
        Assert.Equal(["Cat", "cat", "[UNK]"], cased.Encode("Cat cat café")[1..^1].Select(cased.TokenOf));
        _folder.Write("tokenizer_config.json", new { do_lower_case = true, strip_accents = false, tokenize_chinese_chars = false });
        var accents = BertTokenizer.FromFolder(_folder.Path);
        Assert.Equal(["cat", "[UNK]", "[UNK]"], accents.Encode("Cat café a字")[1..^1].Select(accents.TokenOf));
    }

    [Fact]
    public void A_single_tokenizer_file_gives_the_same_ids()
    {
        var vocabulary = File.ReadAllLines(_folder.PathOf("vocab.txt")).Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i);
        _folder.Write("tokenizer.json", new
        {
            model = new { type = "WordPiece", vocab = vocabulary, max_input_chars_per_word = 100, continuing_subword_prefix = "##" },
            normalizer = new { type = "BertNormalizer", lowercase = true, strip_accents = (bool?)null, handle_chinese_chars = true },
        });
        File.Delete(_folder.PathOf("vocab.txt"));
        const string text = "Cats. DOGGY café字 zebra!";
        Assert.Equal(_tokenizer.Encode(text), BertTokenizer.FromFolder(_folder.Path).Encode(text));
    }

    [Theory]
    [InlineData("vocab.txt", "[PAD]\n[UNK]\n[CLS]\na\n", "'[SEP]'")]
    [InlineData("tokenizer_config.json", "{", "tokenizer_config.json")]
    public void A_broken_file_is_named(string file, string content, string part)
    {
        _folder.Write(file, content);
        var error = Assert.Throws<ConesException>(() => BertTokenizer.FromFolder(_folder.Path));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.Contains(_folder.Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model": {"type": "BPE", "vocab": {}}}""")]
    [InlineData("""{"model": {"type": "WordPiece", "vocab": {}}, "normalizer": {"type": "NFC"}}""")]
    public void A_tokenizer_file_of_another_kind_is_refused(string content)
    {
        File.Delete(_folder.PathOf("vocab.txt"));
        Assert.Contains("vocab.txt is missing", Assert.Throws<ConesException>(() => BertTokenizer.FromFolder(_folder.Path)).Message, StringComparison.Ordinal);
        _folder.Write("tokenizer.json", content);
        Assert.Contains("no BERT tokenizer", Assert.Throws<ConesException>(() => BertTokenizer.FromFolder(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_string_can_be_encoded_and_spans_stay_inside_it()
    {
        foreach (var text in TextGenerator.Texts())
        {
            var tokens = _tokenizer.Encode(text, null);
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
}
