using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Pipelines;

public sealed class PipelineTests(TinyPipelines tiny) : IClassFixture<TinyPipelines>, IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly StableDiffusionPipeline _sd = tiny.Sd;
    readonly StableDiffusionXLPipeline _xl = tiny.XL;

    static GenerationOptions Small => new() { Width = 32, Height = 24, Steps = 3, Seeds = [5] };

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("euler-a")]
    [InlineData("dpmpp-2m-sde-karras")]
    [InlineData("ddim")]
    public void An_image_of_a_batch_can_be_made_again_by_its_seed(string scheduler)
    {
        var options = Small with { Eta = 1, Scheduler = SchedulerNames.Configure(scheduler, _sd.Scheduler) };

        var batch = _sd.Run(["a cat", "a dog"], ["painting"], options with { ImagesPerPrompt = 2, Seeds = [1, 2, 3, 4] });
        var third = _sd.Run("a dog", "painting", options with { Seeds = [3] });

        Assert.Equal([1UL, 2, 3, 4], batch.Seeds);
        Assert.Equal([4, 24, 32, 3], batch.Images.shape);
        Assert.True(batch.Latents[2].allclose(third.Latents[0], 1e-3, 1e-3));
        Assert.False(batch.Latents[3].allclose(third.Latents[0], 1e-3, 1e-3));
    }

    [Fact]
    public void One_seed_counts_up_over_the_images_and_no_seed_is_reported()
    {
        var counted = _sd.Run("a cat", null, Small with { ImagesPerPrompt = 3, Seeds = [8] });
        var drawn = _sd.Run("a cat", null, Small with { ImagesPerPrompt = 2, Seeds = null });
        var again = _sd.Run("a cat", null, Small with { ImagesPerPrompt = 2, Seeds = drawn.Seeds });

        Assert.Equal([8UL, 9, 10], counted.Seeds);
        Assert.Equal(2, drawn.Seeds.Count);
        Assert.True(drawn.Latents.allclose(again.Latents, 0, 0));
    }

    [Fact]
    public void A_generation_leaves_only_its_result_behind()
    {
        _sd.Run("a cat", "a dog", Small).Dispose();
        var before = Tensor.TotalCount;

        using (_sd.Run("a cat", "a dog", Small)) Assert.Equal(before + 2, Tensor.TotalCount);
        using (_xl.Run("a cat", null, Small)) Assert.Equal(before + 2, Tensor.TotalCount);

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Cancelling_stops_between_two_steps_and_leaves_nothing_behind()
    {
        using var cancellation = new CancellationTokenSource();
        var steps = 0;
        var before = Tensor.TotalCount;

        Assert.Throws<OperationCanceledException>(() => _sd.Generate("a cat", null, Small with { OnStep = _ => Stop() }, cancellation.Token));

        Assert.Equal(2, steps);
        Assert.Equal(before, Tensor.TotalCount);

        void Stop()
        {
            if (++steps == 2) cancellation.Cancel();
        }
    }

    [Fact]
    public void Every_step_is_reported_with_its_state()
    {
        var seen = new List<(int Index, int Count, bool Fits)>();
        var options = Small with { OnStep = s => seen.Add((s.Index, s.Count, s.Latents.shape.SequenceEqual([1, 4, 3, 4]) && s.Predicted.shape.SequenceEqual([1, 4, 3, 4]))) };

        _sd.Run("a cat", null, options); // PNDM: one call more than steps

        Assert.Equal([(0, 4, true), (1, 4, true), (2, 4, true), (3, 4, true)], seen);
    }

    [Fact]
    public void No_negative_prompt_is_an_empty_text_for_SD_and_zeros_for_SDXL()
    {
        Assert.True(Latents(_sd, null).allclose(Latents(_sd, ""), 0, 0));
        Assert.False(Latents(_xl, null).allclose(Latents(_xl, ""), 1e-3, 1e-3));

        var prompt = _xl.EncodePrompt("a cat").Conditioning;
        Assert.Equal(0, _xl.EncodeNegativePrompt(null, prompt).Conditioning.Embeds.abs().sum().item<float>());

        static Tensor Latents(DiffusionPipeline pipeline, string? negative) => pipeline.Run("a cat", negative, Small).Latents;
    }

    [Fact]
    public void Without_guidance_the_negative_prompt_does_not_matter()
    {
        var options = Small with { GuidanceScale = 1 };

        Assert.True(_sd.Run("a cat", "a dog", options).Latents.allclose(_sd.Run("a cat", null, options).Latents, 0, 0));
    }

    [Fact]
    public void Encodings_give_what_their_prompt_gives()
    {
        var (prompt, negative) = (_xl.EncodePrompt("a cat").Conditioning, _xl.EncodePrompt("a dog").Conditioning);

        Assert.True(_xl.Run(prompt, negative, Small).Latents.allclose(_xl.Run("a cat", "a dog", Small).Latents, 0, 0));
    }

    [Fact]
    public void Layers_can_have_embeddings_of_their_own()
    {
        var prompt = _sd.EncodePrompt("a cat").Conditioning;
        Tensor[] layers = [.. Enumerable.Repeat(prompt.Embeds, _sd.UNet.CrossAttentionLayers.Count)];

        var shared = _sd.Run(prompt, null, Small).Latents;
        var same = _sd.Run(prompt with { PerLayer = layers }, null, Small).Latents;
        layers[^1] = layers[^1] + 1;
        var changed = _sd.Run(prompt with { PerLayer = layers }, null, Small).Latents;

        Assert.True(shared.allclose(same, 1e-5, 1e-5));
        Assert.False(shared.allclose(changed, 1e-4, 1e-4));
    }

    [Fact]
    public void Clip_skip_leaves_out_layers()
    {
        var full = _sd.EncodePrompt("a cat").Conditioning.Embeds;

        Assert.True(full.allclose(_sd.EncodePrompt("a cat", 0).Conditioning.Embeds, 1e-5, 1e-5));
        Assert.False(full.allclose(_sd.EncodePrompt("a cat", 1).Conditioning.Embeds, 1e-3, 1e-3));
        Assert.Throws<ArgumentOutOfRangeException>(() => _sd.EncodePrompt("a cat", 99));
        Assert.Throws<ArgumentOutOfRangeException>(() => _xl.EncodePrompt("a cat", -1));
    }

    [Fact]
    public void What_a_long_prompt_loses_is_told()
    {
        var result = _sd.Run("a cat on a beach with a red dog and a blue bird under seven green trees", null, Small);

        Assert.Contains("tokens", Assert.Single(result.Warnings));
        Assert.Contains("trees", result.Warnings[0]);
        Assert.Empty(_sd.Run("a cat", null, Small).Warnings);
    }

    [Fact]
    public void Sizes_are_told_to_SDXL()
    {
        var known = _xl.Run("a cat", null, Small with { Sizes = new() { Original = (24, 32), Target = (24, 32) } }).Latents;

        Assert.True(known.allclose(_xl.Run("a cat", null, Small).Latents, 0, 0));
        Assert.False(known.allclose(_xl.Run("a cat", null, Small with { Sizes = new() { CropTopLeft = (0, 500) } }).Latents, 1e-4, 1e-4));
    }
}
