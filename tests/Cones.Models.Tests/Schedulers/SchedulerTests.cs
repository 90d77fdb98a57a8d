using System.Text.Json.Nodes;
using Cones.Models.StableDiffusion.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Schedulers;

public sealed class SchedulerTests : IDisposable
{
    readonly DisposeScope _scope;

    public SchedulerTests()
    {
        Native.LibTorch.Initialize();
        _scope = NewDisposeScope();
    }

    public void Dispose() => _scope.Dispose();

    // Levels and timesteps of diffusers 0.42 for 5 steps of Stable Diffusion's noise.
    [Theory]
    [InlineData("use_karras_sigmas", new[] { 14.6146469f, 4.79654408f, 1.27410531f, 0.247951701f, 0.0291675329f, 0f }, new[] { 999, 785.953979, 427.489777, 58.8914986, 0 })]
    [InlineData("use_exponential_sigmas", new[] { 14.6146469f, 3.08898759f, 0.652895987f, 0.137997702f, 0.0291675329f, 0f }, new[] { 999, 680.666992, 233.209717, 20.0019703, 0 })]
    [InlineData("use_beta_sigmas", new[] { 14.6146469f, 12.0522643f, 7.32190704f, 2.59155011f, 0.0291675329f, 0f }, new[] { 999, 966.494995, 874.661926, 634.552002, 0 })]
    public void Noise_levels_are_spread_as_in_diffusers(string option, float[] sigmas, double[] timesteps)
    {
        using var scheduler = Make(SchedulerClasses.Euler, (option, true));

        scheduler.SetTimesteps(5);

        Assert.All(sigmas.Zip(scheduler.Sigmas!), pair => Assert.Equal(pair.First, pair.Second, 1e-5f * MathF.Max(1, pair.First)));
        Assert.All(timesteps.Zip(scheduler.Timesteps), pair => Assert.Equal(pair.First, pair.Second, 0.01));
    }

    [Fact]
    public void Trailing_spacing_of_61_steps_has_the_62_entries_of_the_reference()
    {
        using var scheduler = Make(SchedulerClasses.Ddim, ("timestep_spacing", "trailing"));

        scheduler.SetTimesteps(61);

        Assert.Equal(62, scheduler.Timesteps.Count);
        Assert.Equal([15, -1], scheduler.Timesteps.TakeLast(2));
    }

    [Fact]
    public void A_run_needs_timesteps_and_goes_through_them_in_order()
    {
        using var scheduler = Make(SchedulerClasses.Euler);
        var (x, e) = (randn(1, 2, 3, 3), randn(1, 2, 3, 3));

        Assert.Throws<InvalidOperationException>(() => scheduler.Step(e, 999, x));
        Assert.Throws<ArgumentOutOfRangeException>(() => scheduler.SetTimesteps(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => scheduler.SetTimesteps(1001));

        scheduler.SetTimesteps(2);
        x = scheduler.Step(e, scheduler.Timesteps[0], x).PrevSample;
        Assert.Throws<ArgumentException>(() => scheduler.Step(e, scheduler.Timesteps[0], x));
        x = scheduler.Step(e, scheduler.Timesteps[1], x).PrevSample;
        Assert.Throws<InvalidOperationException>(() => scheduler.Step(e, scheduler.Timesteps[1], x));
    }

    [Fact]
    public void Shapes_that_differ_are_refused()
    {
        using var scheduler = Make(SchedulerClasses.Ddim);
        scheduler.SetTimesteps(2);

        Assert.Contains("[1,2,3,4]", Assert.Throws<ArgumentException>(() => scheduler.Step(zeros(1, 2, 3, 4), 500, zeros(1, 2, 3, 3))).Message);
    }

    [Fact]
    public void A_step_that_draws_needs_a_source()
    {
        using var scheduler = Make(SchedulerClasses.EulerAncestral);
        scheduler.SetTimesteps(2);

        Assert.Throws<ArgumentNullException>(() => scheduler.Step(zeros(1, 2, 3, 3), scheduler.Timesteps[0], zeros(1, 2, 3, 3)));
    }

    [Theory]
    [InlineData(SchedulerClasses.Ddim)]
    [InlineData(SchedulerClasses.Euler)]
    [InlineData(SchedulerClasses.DpmSolver)]
    [InlineData(SchedulerClasses.UniPc)]
    public void With_the_true_noise_every_run_ends_at_the_clean_sample(string className)
    {
        using var scheduler = Make(className, ("set_alpha_to_one", true), ("clip_sample", false));
        var (clean, noise) = (randn(2, 2, 3, 3), randn(2, 2, 3, 3));
        scheduler.SetTimesteps(8);
        scheduler.SetBeginIndex(3);

        var x = scheduler.AddNoise(clean, noise, scheduler.Timesteps[3]);
        for (var i = 3; i < 8; i++)
        {
            var step = scheduler.Step(noise, scheduler.Timesteps[i], x);
            Assert.True(step.PredOriginalSample.allclose(clean, 1e-3, 1e-3));
            x = step.PrevSample;
        }

        Assert.True(x.allclose(clean, 1e-3, 1e-3));
    }

    // The reference multiplies an infinite step by no difference here and returns NaN.
    [Fact]
    public void UniPC_with_bh1_ends_in_numbers()
    {
        using var scheduler = Make(SchedulerClasses.UniPc, ("solver_type", "bh1"));
        scheduler.SetTimesteps(4);

        var x = randn(1, 2, 3, 3);
        foreach (var t in scheduler.Timesteps) x = scheduler.Step(randn(1, 2, 3, 3), t, x).PrevSample;

        Assert.True(x.isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData(SchedulerClasses.Ddpm)]
    [InlineData(SchedulerClasses.Pndm)]
    [InlineData(SchedulerClasses.EulerAncestral)]
    [InlineData(SchedulerClasses.DpmSolver)]
    [InlineData(SchedulerClasses.UniPc)]
    public void A_run_leaves_no_tensor_behind(string className)
    {
        using var noise = new SeededNoise(1);
        long before;
        using (var warm = Make(className)) before = Tensor.TotalCount - 1; // less the table of the schedule

        using (NewDisposeScope())
        using (var scheduler = Make(className, ("skip_prk_steps", true)))
        {
            scheduler.SetTimesteps(6);
            var x = randn(1, 2, 3, 3);
            foreach (var t in scheduler.Timesteps) x = scheduler.Step(scheduler.ScaleModelInput(x, t), t, x, noise).PrevSample;
        }

        Assert.Equal(before, Tensor.TotalCount);
    }

    static Scheduler Make(string className, params (string Name, JsonNode Value)[] options)
    {
        var changes = new JsonObject { ["beta_start"] = 0.00085, ["beta_end"] = 0.012, ["beta_schedule"] = "scaled_linear" };
        foreach (var (name, value) in options) changes[name] = value;
        return Scheduler.Create(SchedulerConfig.For(className, changes));
    }
}
