using Cones.Models.StableDiffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.StableDiffusion;

public sealed class UNet2DConditionModelTests
{
    [Fact]
    public void Cross_attention_layers_are_named_in_the_order_of_the_forward_pass()
    {
        using var unet = SmallModels.UNet();

        Assert.Equal(
            [
                "down_blocks.0.attentions.0.transformer_blocks.0.attn2",
                "down_blocks.0.attentions.0.transformer_blocks.1.attn2",
                "mid_block.attentions.0.transformer_blocks.0.attn2",
                "up_blocks.1.attentions.0.transformer_blocks.0.attn2",
                "up_blocks.1.attentions.0.transformer_blocks.1.attn2",
                "up_blocks.1.attentions.1.transformer_blocks.0.attn2",
                "up_blocks.1.attentions.1.transformer_blocks.1.attn2",
            ],
            unet.CrossAttentionLayers);
    }

    [Fact]
    public void Stable_diffusion_1_5_has_sixteen_cross_attention_layers()
    {
        using var unet = new UNet2DConditionModel(new UNet2DConditionConfig { CrossAttentionDim = 768 });
        Assert.Equal(16, unet.CrossAttentionLayers.Count);
    }

    [Fact]
    public void The_same_embeddings_for_every_layer_equal_one_tensor_for_all()
    {
        using var scope = NewDisposeScope();
        using var unet = SmallModels.UNet();
        var (sample, timesteps, prompt) = Inputs(2);

        var shared = unet.Forward(sample, timesteps, new CrossAttentionStates(prompt));
        var perLayer = unet.Forward(sample, timesteps, new CrossAttentionStates(Enumerable.Repeat(prompt, unet.CrossAttentionLayers.Count)));

        Assert.True(shared.equal(perLayer).all().item<bool>());
    }

    [Fact]
    public void Every_layer_reads_its_own_embeddings()
    {
        using var scope = NewDisposeScope();
        using var unet = SmallModels.UNet();
        var (sample, timesteps, prompt) = Inputs(1);
        var layers = unet.CrossAttentionLayers.Select(_ => prompt.clone().requires_grad_()).ToArray();
        var shared = prompt.clone().requires_grad_();

        unet.Forward(sample, timesteps, new CrossAttentionStates(layers)).square().sum().backward();
        unet.Forward(sample, timesteps, new CrossAttentionStates(shared)).square().sum().backward();

        Assert.All(layers, l => Assert.True(l.grad!.abs().max().item<float>() > 0));
        var total = layers.Select(l => l.grad!).Aggregate((a, b) => a + b);
        Assert.True(total.allclose(shared.grad!, rtol: 1e-3, atol: 1e-4));
    }

    [Fact]
    public void One_timestep_holds_for_the_whole_batch()
    {
        using var scope = NewDisposeScope();
        using var unet = SmallModels.UNet();
        var (sample, _, prompt) = Inputs(2);

        var each = unet.Forward(sample, tensor(new long[] { 11, 11 }), new CrossAttentionStates(prompt));
        var one = unet.Forward(sample, tensor(new long[] { 11 }), new CrossAttentionStates(prompt));

        Assert.True(each.allclose(one));
    }

    [Fact]
    public void A_row_of_a_batch_equals_that_row_alone()
    {
        using var scope = NewDisposeScope();
        using var unet = SmallModels.UNet();
        var (sample, timesteps, prompt) = Inputs(3);

        var batch = unet.Forward(sample, timesteps, new CrossAttentionStates(prompt));
        var alone = unet.Forward(sample.narrow(0, 1, 1), timesteps.narrow(0, 1, 1), new CrossAttentionStates(prompt.narrow(0, 1, 1)));

        Assert.True(batch.narrow(0, 1, 1).allclose(alone, rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void The_middle_block_may_be_absent_or_plain()
    {
        using var scope = NewDisposeScope();
        var (sample, timesteps, prompt) = Inputs(1);
        foreach (var kind in (MidBlockKind[])[MidBlockKind.None, MidBlockKind.Plain])
        {
            using var unet = SmallModels.UNet(SmallModels.UNetConfig with { MidBlock = kind });
            Assert.Equal(sample.shape, unet.Forward(sample, timesteps, new CrossAttentionStates(prompt)).shape);
            Assert.DoesNotContain(unet.CrossAttentionLayers, l => l.StartsWith("mid_block", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_frozen_model_gives_gradients_to_the_prompt_only()
    {
        using var scope = NewDisposeScope();
        using var unet = SmallModels.UNet();
        var (sample, timesteps, prompt) = Inputs(1);
        prompt.requires_grad_();

        unet.Forward(sample, timesteps, new CrossAttentionStates(prompt)).sum().backward();

        Assert.NotNull(prompt.grad);
        Assert.All(unet.NamedWeights(), w => Assert.Null(w.Value.Value.grad));
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind()
    {
        using var unet = SmallModels.UNet();
        long before;
        using (NewDisposeScope()) Step(unet);
        before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) Step(unet);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Wrong_shapes_are_refused_with_their_numbers()
    {
        using var scope = NewDisposeScope();
        using var unet = SmallModels.UNet();
        var (sample, timesteps, prompt) = Inputs(2);
        var states = new CrossAttentionStates(prompt);

        AssertRefused("[2,3,8,8]", () => unet.Forward(zeros(2, 3, 8, 8), timesteps, states));
        AssertRefused("[3]", () => unet.Forward(sample, zeros(3, dtype: ScalarType.Int64), states));
        AssertRefused("[2,5,7]", () => unet.Forward(sample, timesteps, new CrossAttentionStates(zeros(2, 5, 7))));
        AssertRefused("[1,5,6]", () => unet.Forward(sample, timesteps, new CrossAttentionStates(zeros(1, 5, 6))));
        AssertRefused("7", () => unet.Forward(sample, timesteps, new CrossAttentionStates([prompt, prompt])));
    }

    [Fact]
    public void Added_conditions_are_demanded_and_checked_where_the_model_has_them()
    {
        using var scope = NewDisposeScope();
        using var unet = SmallModels.UNet(SmallModels.UNetConfig with { AdditionTimeEmbedDim = 4, ProjectionClassEmbeddingsInputDim = 5 + 24 });
        var (sample, timesteps, prompt) = Inputs(2);
        var states = new CrossAttentionStates(prompt);

        AssertRefused("pooled", () => unet.Forward(sample, timesteps, states));
        AssertRefused("[2,4]", () => unet.Forward(sample, timesteps, states, new AddedConditions(zeros(2, 4), zeros(2, 6))));
        AssertRefused("[1,5]", () => unet.Forward(sample, timesteps, states, new AddedConditions(zeros(1, 5), zeros(1, 6))));
        Assert.Equal(sample.shape, unet.Forward(sample, timesteps, states, new AddedConditions(zeros(2, 5), zeros(2, 6))).shape);
    }

    static void AssertRefused(string part, Func<Tensor> forward) => Assert.Contains(part, Assert.Throws<ArgumentException>(forward).Message, StringComparison.Ordinal);

    static void Step(UNet2DConditionModel unet)
    {
        var (sample, timesteps, prompt) = Inputs(1);
        prompt.requires_grad_();
        unet.Forward(sample, timesteps, new CrossAttentionStates(prompt)).sum().backward();
    }

    static (Tensor Sample, Tensor Timesteps, Tensor Prompt) Inputs(int batch)
    {
        random.manual_seed(3);
        return (randn(batch, 4, 8, 8), arange(5, 5 + batch, dtype: ScalarType.Int64), randn(batch, 5, 6));
    }
}
