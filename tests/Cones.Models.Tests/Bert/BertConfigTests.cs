using Cones.Models.Bert;

namespace Cones.Models.Tests.Bert;

public sealed class BertConfigTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Absent_keys_take_the_defaults_of_the_reference()
    {
        Assert.Equal(new BertConfig { VocabSize = 30 }, Read("""{ "vocab_size": 30, "hidden_dropout_prob": 0.1 }"""));
        var config = new BertConfig();
        Assert.Equal((768, 12, 12, 3072, "gelu", 512, 2, 1e-12), (config.HiddenSize, config.NumHiddenLayers, config.NumAttentionHeads, config.IntermediateSize, config.HiddenAct, config.MaxPositionEmbeddings, config.TypeVocabSize, config.LayerNormEps));
    }

    [Theory]
    [InlineData("""{ "hidden_size": 30, "num_attention_heads": 4 }""", "hidden_size 30 is not a multiple of num_attention_heads 4")]
    [InlineData("""{ "num_hidden_layers": 0 }""", "num_hidden_layers is 0")]
    [InlineData("""{ "layer_norm_eps": 0 }""", "layer_norm_eps is 0")]
    [InlineData("""{ "hidden_act": "swoosh" }""", "swoosh")]
    [InlineData("""{ "vocab_size": "many" }""", "vocab_size")]
    [InlineData("""{ "position_embedding_type": "relative_key" }""", "relative_key")]
    [InlineData("""{ "model_type": "roberta" }""", "roberta")]
    [InlineData("""{ "is_decoder": true }""", "is_decoder")]
    [InlineData("{ not json", "not valid JSON")]
    public void What_cannot_be_built_is_refused_with_the_file_and_the_reason(string json, string reason)
    {
        var message = Assert.Throws<ConesException>(() => Read(json)).Message;
        Assert.Contains(_path, message);
        Assert.Contains(reason, message);
    }

    BertConfig Read(string json)
    {
        File.WriteAllText(_path, json);
        return BertConfig.FromFile(_path);
    }
}
