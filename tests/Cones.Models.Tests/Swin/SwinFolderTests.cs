using Cones.Models.Swin;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Swin;

public sealed class SwinFolderTests : IDisposable
{
    static readonly string s_model = Bert.BertTestModels.Golden("swin/swin-w4-b/model");

    readonly DisposeScope _scope = NewDisposeScope();
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("swin");

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void A_classifier_loads_as_a_backbone_of_its_last_stage()
    {
        using var backbone = SwinBackbone.FromFolder(s_model);
        var config = File.ReadAllText(Path.Combine(s_model, "config.json")).Replace("\"out_features\"", "\"x\"").Replace("\"out_indices\"", "\"y\"");
        File.WriteAllText(Path.Combine(_folder.FullName, "config.json"), config);
        using (var source = Checkpoint.Open(s_model))
        {
            SafetensorsWriter.Write(
                Path.Combine(_folder.FullName, "model.safetensors"),
                source.Tensors.Keys.Where(k => !k.StartsWith("hidden_states_norms.", StringComparison.Ordinal) && !k.StartsWith("swin.layernorm.", StringComparison.Ordinal))
                    .Select(k => KeyValuePair.Create("swin." + k, source.Read(k)))
                    .Append(new("swin.layernorm.weight", source.Read("hidden_states_norms.stage4.weight")))
                    .Append(new("swin.layernorm.bias", source.Read("hidden_states_norms.stage4.bias")))
                    .Append(new("swin.encoder.layers.0.blocks.0.attention.self.relative_position_index", zeros(16, 16, ScalarType.Int64)))
                    .Append(new("classifier.weight", zeros(3, 64)))
                    .ToDictionary());
        }

        using var classifier = SwinBackbone.FromFolder(_folder.FullName);
        var pixels = randn(1, 3, 50, 40);
        Assert.True(classifier.Forward(pixels).Single().equal(backbone.Forward(pixels)[^1]).all().item<bool>());
    }

    [Fact]
    public void A_folder_without_a_model_is_named_to_the_user() =>
        Assert.Contains(_folder.FullName, Assert.Throws<ConesException>(() => SwinBackbone.FromFolder(_folder.FullName)).Message);
}
