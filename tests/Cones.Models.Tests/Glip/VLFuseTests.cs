using Cones.Models.Glip.Head;
using Cones.Models.Layers;
using TorchSharp;
using static Cones.Models.Tests.Glip.GlipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

/// <summary>The fusion gives what the published order of products gives, also where scores are clamped.</summary>
public sealed class VLFuseTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(50000, false)]
    [InlineData(0.3, false)]
    [InlineData(0.3, true)]
    public void Products_in_another_order_give_the_same(double clamp, bool stable)
    {
        var config = Config with { Head = Config.Head with { Clamp = clamp, StableSoftmax = stable } };
        using var model = Random(config);
        var fusion = model.Head.Tower[0].Fusion!;
        var weights = fusion.NamedWeights().ToDictionary(w => w.Key["b_attn.".Length..], w => w.Value.Value);
        var (levels, hidden) = (Levels(2), Hidden(2, 4));
        var mask = tensor(new float[] { 1, 1, 1, 0, 1, 1, 1, 1 }, [2, 4]);
        var actual = fusion.Forward(new TowerState([.. levels.Select(l => l.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2))], hidden), VLFuse.ImageMask(mask, ScalarType.Float32));
        var (image, text) = Published(weights, config.Head.FusionHeads, LevelTokens(levels), hidden, mask, clamp, stable);
        Assert.True(Close(LevelTokens(actual.Levels), image));
        Assert.True(Close(actual.Hidden, text));
    }

    // [B, C, H, W] of all levels -> [B, N, C]
    static Tensor LevelTokens(IReadOnlyList<Tensor> levels) => cat([.. levels.Select(l => l.flatten(2).transpose(1, 2))], 1);

    // BiMultiHeadAttention as published: queries, keys and values of all pixels and tokens.
    static (Tensor Image, Tensor Text) Published(Dictionary<string, Tensor> w, int heads, Tensor v, Tensor l, Tensor mask, double clamp, bool stable)
    {
        v = nn.functional.layer_norm(v, [v.shape[2]], w["layer_norm_v.weight"], w["layer_norm_v.bias"]);
        l = nn.functional.layer_norm(l, [l.shape[2]], w["layer_norm_l.weight"], w["layer_norm_l.bias"]);
        var (query, key) = (Heads("v_proj", v), Heads("l_proj", l));
        var (imageValue, textValue) = (Heads("values_v_proj", v), Heads("values_l_proj", l));
        var scores = (query / Math.Sqrt(query.shape[3])).matmul(key.transpose(2, 3)); // [B, h, N, T]
        if (stable) scores = scores - scores.max();
        scores = scores.clamp(-clamp, clamp);
        var toText = scores.transpose(2, 3);
        toText = (toText - toText.amax([3], keepdim: true)).clamp(-50000, 50000).softmax(-1);
        var toImage = (scores + mask.masked_fill(mask.eq(0), -9e15).view(mask.shape[0], 1, 1, -1)).softmax(-1);
        return (v + (w["gamma_v"] * Out("out_v_proj", toImage.matmul(textValue))), l + (w["gamma_l"] * Out("out_l_proj", toText.matmul(imageValue))));

        Tensor Project(string name, Tensor x) => nn.functional.linear(x, w[$"attn.{name}.weight"], w[$"attn.{name}.bias"]);

        Tensor Heads(string name, Tensor x) => Project(name, x).view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);

        Tensor Out(string name, Tensor x) => Project(name, x.transpose(1, 2).flatten(2));
    }
}
