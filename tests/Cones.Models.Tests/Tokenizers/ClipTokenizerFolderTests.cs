using Cones.Models.Tokenizers;

namespace Cones.Models.Tests.Tokenizers;

public sealed class ClipTokenizerFolderTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_single_tokenizer_file_gives_the_same_ids(bool pairs)
    {
        using var separate = TokenizerTestFolder.Clip();
        using var single = TokenizerTestFolder.ClipSingleFile(pairs);
        const string text = "a photo of a cat's dog, 12é";
        var tokenizer = ClipTokenizer.FromFolder(single.Path);
        Assert.Equal(ClipTokenizer.FromFolder(separate.Path).Encode(text), tokenizer.Encode(text));
        Assert.Equal(9999, tokenizer.Encode("a<extra>")[2]);
        Assert.Equal([10000], tokenizer.AddTokens("<dog>"));
    }

    [Fact]
    public void The_folder_names_the_length_and_the_padding()
    {
        using var folder = TokenizerTestFolder.Clip();
        folder.Write("tokenizer_config.json", new { model_max_length = 24, pad_token = "<|endoftext|>" });
        folder.Write("special_tokens_map.json", new { pad_token = "!" });
        var tokenizer = ClipTokenizer.FromFolder(folder.Path);
        Assert.Equal(24, tokenizer.MaxLength);
        Assert.Equal(0, tokenizer.PadId);
        // As a special token "!" is matched before words are split, and decoding drops it.
        Assert.Equal([0, 0], tokenizer.Encode("!!")[1..^1]);
        Assert.Equal("", tokenizer.Decode(tokenizer.Encode("!!")));
        Assert.Equal(0, ClipTokenizer.FromFolder(folder.Path, padToken: "!").PadId);
    }

    [Fact]
    public void With_a_decoder_of_added_tokens_the_configuration_wins()
    {
        using var folder = TokenizerTestFolder.Clip();
        folder.Write("tokenizer_config.json", new
        {
            model_max_length = 1e30,
            pad_token = "<|endoftext|>",
            added_tokens_decoder = new Dictionary<string, object> { ["700"] = new { content = "<x>", normalized = true, single_word = true, rstrip = true } },
        });
        folder.Write("special_tokens_map.json", new { pad_token = "!" });
        var tokenizer = ClipTokenizer.FromFolder(folder.Path);
        Assert.Equal(tokenizer.EosId, tokenizer.PadId);
        Assert.Equal(77, tokenizer.MaxLength);
        Assert.Equal(700, tokenizer.Encode("<X>")[1]);
        Assert.DoesNotContain(700, tokenizer.Encode("a<x>"));
        Assert.Equal(new TextSpan(2, 7), tokenizer.Encode("a <x>  b", null).Spans[2]);
    }

    [Fact]
    public void Special_tokens_follow_their_flags()
    {
        using var folder = TokenizerTestFolder.Clip();
        var plain = ClipTokenizer.FromFolder(folder.Path);
        // In another casing it is a word like others, but the pattern knows it: "|>" and "!" are not joined.
        Assert.Single(plain.Encode("<|ENDOFTEXT|>!"), id => id == plain.EosId);
        Assert.Equal(["|", "></w>", "!</w>"], plain.Encode("<|ENDOFTEXT|>!")[^4..^1].Select(plain.TokenOf));
        folder.Write("special_tokens_map.json", new { eos_token = new { content = "<|endoftext|>", normalized = true } });
        var tokenizer = ClipTokenizer.FromFolder(folder.Path);
        Assert.Equal([tokenizer.BosId, tokenizer.EosId, tokenizer.EosId], tokenizer.Encode("<|ENDOFTEXT|>"));
    }

    [Fact]
    public void Added_tokens_have_their_own_file()
    {
        using var folder = TokenizerTestFolder.Clip();
        folder.Write("added_tokens.json", new Dictionary<string, int> { ["<toy>"] = 600 });
        Assert.Equal(600, ClipTokenizer.FromFolder(folder.Path).Encode("<toy>")[1]);
        folder.Write("added_tokens.json", new Dictionary<string, int> { ["<toy>"] = 3 });
        Assert.Contains("belongs to '$'", Assert.Throws<ConesException>(() => ClipTokenizer.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab.json", "{", "vocab.json")]
    [InlineData("vocab.json", "[]", "vocab.json")]
    [InlineData("vocab.json", """{"a": "b"}""", "vocab.json")]
    [InlineData("vocab.json", """{"a": 1, "b": 1}""", "same id 1")]
    [InlineData("vocab.json", """{"a": -1}""", "negative")]
    [InlineData("vocab.json", "{}", "<|startoftext|>")]
    [InlineData("merges.txt", "#version: 0.2\na b c", "line 2")]
    [InlineData("merges.txt", "q z", "'qz'")]
    [InlineData("tokenizer_config.json", "nonsense", "tokenizer_config.json")]
    [InlineData("tokenizer_config.json", """{"model_max_length": 1}""", "model_max_length is 1")]
    [InlineData("tokenizer_config.json", """{"pad_token": "<pad>"}""", "'<pad>'")]
    [InlineData("tokenizer_config.json", """{"pad_token": 3}""", "tokenizer_config.json")]
    [InlineData("added_tokens.json", """{"<a>": "x"}""", "added_tokens.json")]
    public void A_broken_file_is_named(string file, string content, string part)
    {
        using var folder = TokenizerTestFolder.Clip();
        folder.Write(file, content);
        var error = Assert.Throws<ConesException>(() => ClipTokenizer.FromFolder(folder.Path));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_named()
    {
        using var folder = TokenizerTestFolder.Clip();
        var path = folder.PathOf("nowhere");
        Assert.Contains(path, Assert.Throws<ConesException>(() => ClipTokenizer.FromFolder(path)).Message, StringComparison.Ordinal);
        File.Delete(folder.PathOf("merges.txt"));
        Assert.Contains("merges.txt is missing", Assert.Throws<ConesException>(() => ClipTokenizer.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model": {"type": "Unigram"}}""", "no CLIP tokenizer")]
    [InlineData("""{"model": {"type": "BPE", "end_of_word_suffix": ""}}""", "no CLIP tokenizer")]
    [InlineData("""{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "merges": ["a"], "vocab": {}}}""", "tokenizer.json")]
    [InlineData("{}", "tokenizer.json")]
    public void A_tokenizer_file_of_another_kind_is_refused(string content, string part)
    {
        using var folder = TokenizerTestFolder.ClipSingleFile(pairs: true);
        folder.Write("tokenizer.json", content);
        Assert.Contains(part, Assert.Throws<ConesException>(() => ClipTokenizer.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
    }
}
