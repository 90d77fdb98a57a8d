using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.StableDiffusion.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Pipelines;

public sealed class ImageToImageTests(TinyPipelines tiny) : IClassFixture<TinyPipelines>, IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly StableDiffusionPipeline _sd = tiny.Sd;
    readonly Tensor _image = linspace(-1, 1, 3 * 24 * 32).reshape(1, 3, 24, 32);

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(1.0, 10)]
    [InlineData(0.75, 7)]
    [InlineData(0.1, 1)]
    public void Strength_says_how_many_steps_are_made(double strength, int expected)
    {
        var timesteps = new List<double>();
        using var scheduler = Scheduler.Create(SchedulerNames.Configure("dpmpp-2m", _sd.Scheduler));
        scheduler.SetTimesteps(10);

        var result = _sd.Run("a cat", null, Options(strength) with { OnStep = s => timesteps.Add(s.Timestep) });

        Assert.Equal(scheduler.Timesteps.TakeLast(expected), timesteps);
        Assert.Equal([1, 24, 32, 3], result.Images.shape);
    }

    // The true noise leads back: what the first step begins with is the encoded image with the noise of that level.
    [Fact]
    public void A_run_begins_with_the_noisy_image()
    {
        using var noise = new SeededNoise(5);
        using var scheduler = Scheduler.Create(SchedulerNames.Configure("euler", _sd.Scheduler));
        scheduler.SetTimesteps(10);
        scheduler.SetBeginIndex(8);
        var posterior = _sd.Vae.Encode(_image);
        var clean = _sd.Vae.Scale(posterior.Sample(noise.Next([1, 4, 3, 4], ScalarType.Float32, CPU)));
        var start = scheduler.AddNoise(clean, noise.Next([1, 4, 3, 4], ScalarType.Float32, CPU), scheduler.Timesteps[8]);
        var prompt = _sd.EncodePrompt("a cat").Conditioning;
        var input = scheduler.ScaleModelInput(start, scheduler.Timesteps[8]);
        using var guard = no_grad();
        var output = _sd.UNet.Forward(input, tensor(new[] { (float)scheduler.Timesteps[8] }), new(prompt.Embeds));
        var expected = scheduler.Step(output, scheduler.Timesteps[8], start).PrevSample;

        Tensor? first = null;
        _sd.Run(prompt, null, Options(0.2) with
        {
            GuidanceScale = 1,
            Scheduler = scheduler.Config,
            OnStep = s => first ??= s.Latents.clone().DetachFromDisposeScope(),
        });

        Assert.True(first!.allclose(expected, 1e-4, 1e-4));
        first.Dispose();
    }

    [Fact]
    public void One_image_serves_a_batch()
    {
        var batch = _sd.Run("a cat", null, Options(0.5) with { ImagesPerPrompt = 2, Seeds = [1, 2] });
        var second = _sd.Run("a cat", null, Options(0.5) with { Seeds = [2] });

        Assert.True(batch.Latents[1].allclose(second.Latents[0], 1e-3, 1e-3));
    }

    [Fact]
    public void A_result_gives_images_to_begin_with_again()
    {
        var result = _sd.Run("a cat", null, Options(0.2));

        var image = _sd.ImageProcessor.Preprocess(result.ToRgbImages());

        Assert.Equal([1, 3, 24, 32], image.shape);
        Assert.True(_sd.ImageProcessor.ToBytes(image).eq(result.Images).all().item<bool>());
    }

    [Fact]
    public void What_cannot_be_used_is_refused()
    {
        Assert.Contains("strength", Assert.Throws<ArgumentException>(() => _sd.Run("a", null, Options(0.01))).Message);
        Assert.Contains("strength", Assert.Throws<ArgumentException>(() => _sd.Run("a", null, Options(1.5))).Message);
        Assert.Contains("not both", Assert.Throws<ArgumentException>(() => _sd.Run("a", null, Options(1) with { Latents = zeros(1, 4, 3, 4) })).Message);
        Throws(Options(1) with { Image = zeros(1, 3, 24, 31) }, "24 x 31");
        Throws(Options(1) with { Image = zeros(2, 3, 24, 32) }, "[2,3,24,32]");
    }

    void Throws(GenerationOptions options, string expected)
    {
        var message = Assert.Throws<ArgumentException>(() => _sd.Run("a", null, options)).Message;
        Assert.Contains(expected, message);
    }

    GenerationOptions Options(double strength) => new()
    {
        Image = _image,
        Strength = strength,
        Steps = 10,
        Seeds = [5],
        Scheduler = SchedulerNames.Configure("dpmpp-2m", _sd.Scheduler),
    };
}
