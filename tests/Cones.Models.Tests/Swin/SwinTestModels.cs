using Cones.Models.Layers;
using Cones.Models.Swin;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Swin;

/// <summary>Small backbones with random weights.</summary>
static class SwinTestModels
{
    public static readonly SwinConfig Config = new() { EmbedDim = 4, Depths = [2, 2, 1], NumHeads = [1, 2, 2], WindowSize = 3, MlpRatio = 2, OutStages = [1, 3] };

    public static SwinBackbone Backbone(SwinConfig? config = null, SwinLayout? layout = null, ScalarType type = ScalarType.Float32)
    {
        var model = new SwinBackbone(config ?? Config, layout);
        using var generator = new Generator(4, CPU);
        foreach (var (_, weight) in model.NamedWeights()) weight.Assign(randn([.. weight.Shape], type, generator: generator).mul_(0.5));
        return model;
    }

    /// <summary>Gives <paramref name="target"/>, of GLIP's layout, the weights of <paramref name="source"/>, of transformers'.</summary>
    public static void Copy(SwinBackbone source, SwinBackbone target)
    {
        var from = source.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value);
        foreach (var (key, weight) in target.NamedWeights())
        {
            var (own, other) = (SwinLayout.Glip, SwinLayout.HuggingFace);
            var name = key;
            for (var stage = 1; stage <= source.Config.Depths.Count; stage++)
                if (key.StartsWith(own.OutputNorm(stage) + ".", StringComparison.Ordinal)) name = key.Replace(own.OutputNorm(stage), other.OutputNorm(stage));
            name = name.Replace(own.PatchProjection, other.PatchProjection).Replace(own.PatchNorm, other.PatchNorm);
            if (name.StartsWith("layers.", StringComparison.Ordinal))
            {
                name = "encoder." + name.Replace(".norm1.", ".layernorm_before.").Replace(".norm2.", ".layernorm_after.")
                    .Replace(".mlp.fc1.", ".intermediate.dense.").Replace(".mlp.fc2.", ".output.dense.")
                    .Replace(".attn.proj.", ".attention.output.dense.").Replace(".attn.relative", ".attention.self.relative");
            }

            weight.Assign(name.Contains(".attn.qkv.", StringComparison.Ordinal)
                ? cat([.. ((string[])["query", "key", "value"]).Select(part => from[name.Replace(".attn.qkv.", $".attention.self.{part}.")])])
                : from[name].clone());
        }
    }
}
