using Cones.Models.Layers;
using Cones.Models.StableDiffusion;
using Cones.Models.StableDiffusion.TinyVae;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.StableDiffusion;

/// <summary>Options of diffusers' classes that Stable Diffusion's own models leave at their defaults.</summary>
public sealed class ModelOptionTests : IDisposable
{
    readonly DisposeScope _scope;

    public ModelOptionTests()
    {
        Native.LibTorch.Initialize();
        _scope = NewDisposeScope();
        random.manual_seed(11);
    }

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void A_residual_block_scales_and_shifts_its_second_normalisation()
    {
        using var block = SmallModels.Fill(new ResnetBlock2D(4, 8, 6, 2, 1e-5, "silu", TimeConditioning.ScaleShift, outputScale: 2));
        var (x, time) = (randn(2, 4, 5, 5), randn(2, 6));
        var w = block.NamedWeights().ToDictionary(p => p.Key, p => p.Value.Value);

        var h = nn.functional.silu(nn.functional.group_norm(x, 2, w["norm1.weight"], w["norm1.bias"]));
        h = nn.functional.group_norm(nn.functional.conv2d(h, w["conv1.weight"], w["conv1.bias"], padding: [1, 1]), 2, w["norm2.weight"], w["norm2.bias"]);
        var projected = nn.functional.linear(time, w["time_emb_proj.weight"], w["time_emb_proj.bias"]);
        h = nn.functional.silu(h * (1 + projected.narrow(1, 0, 8).view(2, 8, 1, 1)) + projected.narrow(1, 8, 8).view(2, 8, 1, 1));
        h = nn.functional.conv2d(h, w["conv2.weight"], w["conv2.bias"], padding: [1, 1]);
        var expected = (h + nn.functional.conv2d(x, w["conv_shortcut.weight"], w["conv_shortcut.bias"])) / 2;

        Assert.True(block.Forward(x, time).allclose(expected, rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void With_only_cross_attention_pixels_do_not_see_each_other()
    {
        using var block = SmallModels.Fill(new BasicTransformerBlock(8, 2, 6, onlyCrossAttention: true));
        var (x, prompt) = (randn(1, 3, 8), randn(1, 4, 6));

        var all = block.Forward(x, prompt);
        var first = block.Forward(x.narrow(1, 0, 1), prompt);

        Assert.True(all.narrow(1, 0, 1).allclose(first, rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void Conditions_of_other_families_have_diffusers_keys_and_reach_the_output()
    {
        var config = SmallModels.UNetConfig with
        {
            ResnetTimeConditioning = TimeConditioning.ScaleShift,
            MidBlockScaleFactor = 1.5,
            OnlyCrossAttention = [true, false],
            FourierTime = true,
            TimeEmbeddingDim = 12,
            TimeEmbeddingActFn = "gelu",
            TimestepPostAct = "mish",
            TimeCondProjDim = 3,
            EncoderHidDim = 10,
            ClassEmbedding = ClassEmbedding.Table,
            NumClassEmbeds = 5,
            ClassEmbeddingsConcat = true,
        };
        using var unet = SmallModels.UNet(config);
        var shapes = unet.NamedWeights().ToDictionary(w => w.Key, w => string.Join(",", w.Value.Shape.ToArray()));
        Assert.Equal("6", shapes["time_proj.weight"]);
        Assert.Equal("12,12", shapes["time_embedding.linear_1.weight"]);
        Assert.Equal("12,3", shapes["time_embedding.cond_proj.weight"]);
        Assert.Equal("6,10", shapes["encoder_hid_proj.weight"]);
        Assert.Equal("5,12", shapes["class_embedding.weight"]);
        Assert.Equal("16,24", shapes["down_blocks.0.resnets.0.time_emb_proj.weight"]);
        Assert.Equal("8,6", shapes["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.weight"]);

        var (sample, prompt) = (randn(1, 4, 8, 8), randn(1, 5, 10).requires_grad_());
        Tensor Run(long time, long label) => unet.Forward(sample, tensor(new[] { time }), new CrossAttentionStates(prompt), null, tensor(new[] { label }));
        var output = Run(3, 1);
        Assert.Equal(sample.shape, output.shape);
        Assert.False(output.allclose(Run(4, 1)));
        Assert.False(output.allclose(Run(3, 2)));
        output.sum().backward();
        Assert.True(prompt.grad!.abs().sum().item<float>() > 0);
    }

    [Theory]
    [InlineData(ClassEmbedding.Timestep, new long[] { 2 })]
    [InlineData(ClassEmbedding.Identity, new long[] { 2, 32 })]
    [InlineData(ClassEmbedding.Projection, new long[] { 2, 7 })]
    [InlineData(ClassEmbedding.SimpleProjection, new long[] { 2, 7 })]
    public void Class_labels_are_demanded_and_checked_where_the_model_has_them(ClassEmbedding kind, long[] shape)
    {
        using var unet = SmallModels.UNet(SmallModels.UNetConfig with { ClassEmbedding = kind, ProjectionClassEmbeddingsInputDim = 7 });
        var (sample, states) = (randn(2, 4, 8, 8), new CrossAttentionStates(randn(2, 5, 6)));
        var times = tensor(new long[] { 3 });

        var plain = unet.Forward(sample, times, states, null, zeros(shape));
        Assert.False(plain.allclose(unet.Forward(sample, times, states, null, ones(shape))));
        Assert.Contains("class labels", Assert.Throws<ArgumentException>(() => unet.Forward(sample, times, states)).Message, StringComparison.Ordinal);
        Assert.Contains("[3]", Assert.Throws<ArgumentException>(() => unet.Forward(sample, times, states, null, zeros(3))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_class_beyond_the_table_is_refused()
    {
        using var unet = SmallModels.UNet(SmallModels.UNetConfig with { ClassEmbedding = ClassEmbedding.Table, NumClassEmbeds = 5 });
        var error = Assert.Throws<ArgumentException>(() => unet.Forward(randn(1, 4, 8, 8), tensor(new long[] { 3 }), new CrossAttentionStates(randn(1, 5, 6)), null, tensor(new long[] { 5 })));
        Assert.Contains("5 classes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_embedding_of_sizes_has_its_own_activation()
    {
        // Whatever act_fn says it is SiLU, which lets something of negative numbers through.
        using var unet = SmallModels.UNet(SmallModels.UNetConfig with { ActFn = "relu", AdditionTimeEmbedDim = 4, ProjectionClassEmbeddingsInputDim = 5 + 24 });
        using (no_grad())
            unet.NamedWeights().Single(w => w.Key == "add_embedding.linear_1.bias").Value.Value.fill_(-9);
        var pooled = zeros(1, 5).requires_grad_();
        unet.Forward(randn(1, 4, 8, 8), tensor(new long[] { 3 }), new CrossAttentionStates(randn(1, 5, 6)), new AddedConditions(pooled, zeros(1, 6))).sum().backward();

        Assert.True(pooled.grad!.abs().max().item<float>() > 0);
    }

    [Fact]
    public void The_autoencoder_ends_with_silu_whatever_its_activation_is()
    {
        using var vae = SmallModels.Fill(new AutoencoderKL(new AutoencoderKLConfig { BlockOutChannels = [4], NormNumGroups = 2, ActFn = "relu", UsePostQuantConv = false }));
        var w = vae.NamedWeights().ToDictionary(p => p.Key, p => p.Value.Value);
        // Without their last layers, residual blocks and attention hand on what they are given.
        using (no_grad())
            foreach (var (key, weight) in w.Where(p => p.Key.Contains(".conv2.", StringComparison.Ordinal) || p.Key.Contains(".to_out.", StringComparison.Ordinal))) weight.zero_();
        var z = randn(1, 4, 6, 6);

        var h = nn.functional.conv2d(z, w["decoder.conv_in.weight"], w["decoder.conv_in.bias"], padding: [1, 1]);
        h = nn.functional.silu(nn.functional.group_norm(h, 2, w["decoder.conv_norm_out.weight"], w["decoder.conv_norm_out.bias"], 1e-6));
        var expected = nn.functional.conv2d(h, w["decoder.conv_out.weight"], w["decoder.conv_out.bias"], padding: [1, 1]);

        Assert.True(vae.Decode(z).allclose(expected, rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void Latents_may_have_a_mean_and_a_deviation_for_each_channel()
    {
        var config = new AutoencoderKLConfig { BlockOutChannels = [4], NormNumGroups = 2, ScalingFactor = 0.5, LatentsMean = [1, 2, 3, 4], LatentsStd = [1, 2, 4, 8] };
        using var vae = SmallModels.Fill(new AutoencoderKL(config));

        var scaled = vae.Scale(ones(1, 4, 1, 1));

        Assert.Equal([0, -0.25f, -0.25f, -0.1875f], scaled.data<float>().ToArray());
        Assert.True(vae.Unscale(scaled).allclose(ones(1, 4, 1, 1)));
    }

    [Theory]
    [InlineData(InterpolationMode.NearestExact)]
    [InlineData(InterpolationMode.Bilinear)]
    [InlineData(InterpolationMode.Bicubic)]
    public void The_tiny_decoder_enlarges_as_it_is_told(InterpolationMode mode)
    {
        var config = new AutoencoderTinyConfig
        {
            EncoderBlockOutChannels = [4, 4],
            DecoderBlockOutChannels = [4, 4],
            NumEncoderBlocks = [1, 1],
            NumDecoderBlocks = [1, 1],
            Upsampling = mode,
        };
        using var vae = SmallModels.Fill(new AutoencoderTiny(config));
        Assert.Equal([1, 3, 6, 8], vae.Decode(randn(1, 4, 3, 4)).shape);
    }
}
