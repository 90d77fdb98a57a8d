using System.Text.Json.Nodes;
using Cones.Models.GroundingDino;
using Cones.Models.Weights;
using TorchSharp;
using static Cones.Models.Tests.Bert.BertTestModels;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public sealed class GroundingDinoFolderTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gdino");

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void Tied_copies_and_unused_weights_of_a_file_change_nothing()
    {
        Write("gdino-shared", tensors =>
        {
            foreach (var (key, value) in tensors.Where(t => t.Key.StartsWith("bbox_embed.0.", StringComparison.Ordinal)).ToArray())
            {
                tensors[key.Replace("bbox_embed.0.", "bbox_embed.1.")] = value;
                tensors["model.decoder." + key] = value;
                tensors["model.decoder." + key.Replace("bbox_embed.0.", "bbox_embed.1.")] = value;
            }

            tensors["model.text_backbone.pooler.dense.weight"] = zeros(24, 24);
            tensors["model.text_backbone.embeddings.position_ids"] = arange(44).unsqueeze(0);
            tensors["model.backbone.conv_encoder.model.encoder.layers.0.blocks.0.attention.self.relative_position_index"] = zeros(25, 25, ScalarType.Int64);
        });
        using var model = GroundingDinoModel.FromFolder(_folder.FullName);
        using var plain = GroundingDinoModel.FromFolder(Golden("grounding-dino/gdino-shared/model"));
        Assert.True(model.Config.SharedBoxHeads);
        Assert.Equal(plain.CountParameters(), model.CountParameters());
    }

    [Fact]
    public void Heads_that_differ_are_used_whatever_the_configuration_says()
    {
        Write("gdino-shared", tensors =>
        {
            foreach (var (key, value) in tensors.Where(t => t.Key.StartsWith("bbox_embed.0.", StringComparison.Ordinal)).ToArray())
                tensors[key.Replace("bbox_embed.0.", "bbox_embed.1.")] = value + 1;
        });
        using var model = GroundingDinoModel.FromFolder(_folder.FullName);
        Assert.False(model.Config.SharedBoxHeads);
        Assert.Contains(model.NamedWeights(), w => w.Key == "bbox_embed.1.layers.2.bias");
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Equal_heads_are_one_head_if_the_configuration_ties_them(bool flag, bool shared)
    {
        Write("gdino-unshared", tensors =>
        {
            foreach (var key in tensors.Keys.Where(k => k.StartsWith("bbox_embed.1.", StringComparison.Ordinal)).ToArray()) tensors[key] = tensors[key.Replace("bbox_embed.1.", "bbox_embed.0.")];
        }, json => json["decoder_bbox_embed_share"] = flag);
        using var model = GroundingDinoModel.FromFolder(_folder.FullName);
        Assert.Equal(shared, model.Config.SharedBoxHeads);
    }

    [Fact]
    public void Heads_that_are_absent_are_shared_whatever_the_configuration_says()
    {
        Write("mmgdino-unshared", tensors =>
        {
            foreach (var key in tensors.Keys.Where(k => k.StartsWith("bbox_embed.1.", StringComparison.Ordinal) || k == "class_embed.1.bias").ToArray()) tensors.Remove(key);
        });
        using var model = GroundingDinoModel.FromFolder(_folder.FullName);
        Assert.True(model.Config.SharedBoxHeads && model.Config.SharedClassHeads);
    }

    [Fact]
    public void What_is_missing_or_unknown_is_listed()
    {
        Write("gdino-shared", tensors =>
        {
            tensors.Remove("model.level_embed");
            tensors["model.stray"] = zeros(3);
        });
        Throws<ConesException>(() => GroundingDinoModel.FromFolder(_folder.FullName), "model.level_embed [4,32]", "model.stray", "GroundingDinoForObjectDetection");
    }

    [Fact]
    public void A_folder_without_a_model_is_named_to_the_user() =>
        Throws<ConesException>(() => GroundingDinoModel.FromFolder(_folder.FullName), _folder.FullName);

    void Write(string golden, Action<Dictionary<string, Tensor>> change, Action<JsonNode>? configure = null)
    {
        var source = Golden($"grounding-dino/{golden}/model");
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!;
        configure?.Invoke(json);
        File.WriteAllText(Path.Combine(_folder.FullName, "config.json"), json.ToJsonString());
        using var checkpoint = Checkpoint.Open(source);
        var tensors = checkpoint.Tensors.Keys.ToDictionary(k => k, k => checkpoint.Read(k));
        change(tensors);
        SafetensorsWriter.Write(Path.Combine(_folder.FullName, "model.safetensors"), tensors);
    }
}
