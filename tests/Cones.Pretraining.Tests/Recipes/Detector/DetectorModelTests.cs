using Cones.Models;
using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Pretraining.Recipes.Detector;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Tests.Recipes.Detector;

public sealed class DetectorModelTests
{
    const int Vocabulary = 300;

    [Fact]
    public void The_written_configuration_is_read_as_it_was()
    {
        using var folder = new TemporaryFolder();
        foreach (var config in new[] { DetectorConfigs.Fusion(Vocabulary), DetectorConfigs.NoFusion(Vocabulary) })
        {
            var path = Path.Combine(folder.Path, "glip_config.json");
            ModelWriter.WriteJson(path, DetectorConfigs.Json(config));
            var read = GlipConfig.FromFile(path);
            Assert.Equal(DetectorConfigs.Json(config).ToJsonString(), DetectorConfigs.Json(read).ToJsonString());
            Assert.Equal(config.Detection, read.Detection);
            Assert.Equal(config.Loss, read.Loss);
            Assert.Equal(config.Input.Mean, read.Input.Mean);
        }
    }

    [Fact]
    public void The_control_has_about_as_many_weights_and_no_fusion()
    {
        using GlipModel fusion = new(DetectorConfigs.Fusion(Vocabulary)), control = new(DetectorConfigs.NoFusion(Vocabulary));
        double a = fusion.NamedWeights().Sum(w => w.Value.Count), b = control.NamedWeights().Sum(w => w.Value.Count);
        Assert.InRange(b / a, 0.97, 1.03);
        Assert.InRange(a, 1e6, 4e6);
        Assert.DoesNotContain(control.NamedWeights(), w => w.Key.Contains("b_attn", StringComparison.Ordinal));
    }

    [Fact]
    public void At_the_start_text_layers_are_the_identity_and_learn_slower()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new GlipModel(DetectorConfigs.Fusion(Vocabulary));
        DetectorWeights.Fill(model, 1);
        var ids = tensor(new long[] { 2, 17, 30, 3 }, [1, 4]);
        var states = model.TextEncoder.Forward(ids, ones_like(ids)).HiddenStates;
        Assert.True(states[^1].allclose(states[0], atol: 1e-4));
        Assert.Equal(0.3, DetectorWeights.RateFactor("language_backbone.body.model.embeddings.word_embeddings.weight"));
        foreach (var (name, _) in model.Head.NamedWeights())
            Assert.Equal(name.Contains("attention.", StringComparison.Ordinal) || name.Contains("output.", StringComparison.Ordinal) || name.Contains("intermediate.", StringComparison.Ordinal) ? 0.3 : 1, DetectorWeights.RateFactor("rpn.head." + name));
        Assert.All(model.Backbone.NamedWeights(), w => Assert.Equal(1, DetectorWeights.RateFactor("backbone." + w.Key)));
    }

    [Fact]
    public void The_last_stage_begins_with_the_weights_of_a_folder_and_refuses_others()
    {
        using var folder = new TemporaryFolder();
        using var first = new GlipModel(DetectorConfigs.Fusion(Vocabulary));
        DetectorWeights.Fill(first, 1);
        ModelWriter.WriteJson(Path.Combine(folder.Path, "glip_config.json"), DetectorConfigs.Json(first.Config));
        ModelWriter.SaveWeights(Path.Combine(folder.Path, "model.safetensors"), ModelWriter.Weights(first));
        ModelWriter.WriteText(Path.Combine(folder.Path, "vocab.txt"), string.Join('\n', Enumerable.Range(0, Vocabulary - 5).Select(i => $"w{i}").Prepend("[MASK]").Prepend("[SEP]").Prepend("[CLS]").Prepend("[UNK]").Prepend("[PAD]")));
        using var second = new GlipModel(DetectorConfigs.Fusion(Vocabulary));
        DetectorWeights.Copy(folder.Path, second);
        foreach (var (a, b) in first.NamedWeights().Zip(second.NamedWeights())) Assert.True(a.Value.Value.equal(b.Value.Value).all().item<bool>(), a.Key);
        using var control = new GlipModel(DetectorConfigs.NoFusion(Vocabulary));
        Assert.Contains("another shape", Assert.Throws<ConesException>(() => DetectorWeights.Copy(folder.Path, control)).Message);
        Assert.Contains("run the recipe", Assert.Throws<ConesException>(() => DetectorWeights.Copy(Path.Combine(folder.Path, "none"), second)).Message);
    }

    [Fact]
    public void At_the_start_few_anchors_are_of_any_word()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new GlipModel(DetectorConfigs.Fusion(Vocabulary));
        DetectorWeights.Fill(model, 1);
        var ids = tensor(new long[] { 2, 17, 30, 3 }, [1, 4]);
        using var generator = new Generator(2);
        var outputs = model.Forward(model.EncodeImage(randn([1, 3, 64, 64], generator: generator)), model.EncodeText(ids, ones_like(ids)), ones_like(ids));
        Assert.InRange(cat([.. outputs.Logits], 1).sigmoid().mean().item<float>(), 0.001, 0.2);
    }
}
