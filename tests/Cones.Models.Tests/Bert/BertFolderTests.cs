using Cones.Models.Bert;
using Cones.Models.Weights;
using TorchSharp;
using static Cones.Models.Tests.Bert.BertTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Bert;

public sealed class BertFolderTests : IDisposable
{
    static readonly string s_model = Golden("bert/bert-padding-a/model");

    readonly DisposeScope _scope = NewDisposeScope();
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bert");

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void The_pooler_is_loaded_if_there_is_one_unless_told_otherwise()
    {
        using var both = BertModel.FromFolder(s_model);
        using var without = BertModel.FromFolder(s_model, withPooler: false);
        Assert.True(both.HasPooler);
        Assert.Null(without.Forward(Ids(1, 2)).PoolerOutput);
        Assert.True(both.Forward(Ids(1, 2)).LastHiddenState.equal(without.Forward(Ids(1, 2)).LastHiddenState).all().item<bool>());
    }

    [Fact]
    public void A_file_of_pretraining_with_legacy_names_loads()
    {
        using var plain = BertModel.FromFolder(s_model);
        WriteModel(
            key => "bert." + key.Replace(".LayerNorm.weight", ".LayerNorm.gamma").Replace(".LayerNorm.bias", ".LayerNorm.beta"),
            ("bert.embeddings.position_ids", arange(45).unsqueeze(0)), ("cls.predictions.bias", zeros(1099)));
        using var legacy = BertModel.FromFolder(_folder.FullName);
        Assert.True(plain.Forward(Ids(1, 2)).PoolerOutput!.equal(legacy.Forward(Ids(1, 2)).PoolerOutput!).all().item<bool>());
    }

    [Fact]
    public void A_missing_pooler_is_an_error_where_it_is_asked_for()
    {
        WriteModel(key => key.StartsWith("pooler.", StringComparison.Ordinal) ? null : key);
        using (var model = BertModel.FromFolder(_folder.FullName)) Assert.False(model.HasPooler);
        Assert.Contains("pooler.dense.weight [36,36]", Assert.Throws<ConesException>(() => BertModel.FromFolder(_folder.FullName, withPooler: true)).Message);
    }

    [Fact]
    public void A_folder_without_a_model_is_named_to_the_user() =>
        Assert.Contains(_folder.FullName, Assert.Throws<ConesException>(() => BertModel.FromFolder(_folder.FullName)).Message);

    [Theory]
    [InlineData("bert.encoder.layer.0.output.LayerNorm.gamma", "encoder.layer.0.output.LayerNorm.weight")]
    [InlineData("embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias")]
    [InlineData("bert.pooler.dense.bias", "pooler.dense.bias")]
    [InlineData("embeddings.position_ids", null)]
    [InlineData("bert.embeddings.position_ids", null)]
    [InlineData("cls.seq_relationship.weight", null)]
    [InlineData("classifier.bias", null)]
    [InlineData("stray", "stray")]
    public void Keys(string key, string? expected) => Assert.Equal(expected, BertKeys.Rename(key));

    void WriteModel(Func<string, string?> rename, params (string Key, Tensor Value)[] more)
    {
        File.Copy(Path.Combine(s_model, "config.json"), Path.Combine(_folder.FullName, "config.json"), overwrite: true);
        using var source = Checkpoint.Open(s_model);
        SafetensorsWriter.Write(
            Path.Combine(_folder.FullName, "model.safetensors"),
            source.Tensors.Keys.Where(k => rename(k) is not null).Select(k => KeyValuePair.Create(rename(k)!, source.Read(k)))
                .Concat(more.Select(m => KeyValuePair.Create(m.Key, m.Value))).ToDictionary());
    }
}
