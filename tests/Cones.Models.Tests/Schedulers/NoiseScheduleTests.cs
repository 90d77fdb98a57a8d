using System.Text.Json.Nodes;
using Cones.Models.StableDiffusion.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Schedulers;

public sealed class NoiseScheduleTests : IDisposable
{
    readonly DisposeScope _scope;

    public NoiseScheduleTests()
    {
        Native.LibTorch.Initialize();
        _scope = NewDisposeScope();
    }

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("epsilon")]
    [InlineData("v_prediction")]
    [InlineData("sample")]
    public void Min_snr_weights_follow_the_prediction_type(string prediction)
    {
        using var schedule = Make(prediction);
        long[] timesteps = [0, 300, 600, 999];
        var weights = schedule.MinSnrWeight(tensor(timesteps), 5).data<float>().ToArray();

        for (var i = 0; i < timesteps.Length; i++)
        {
            double alpha = schedule.AlphasCumprod[(int)timesteps[i]];
            var snr = alpha / (1 - alpha);
            var divisor = prediction switch { "epsilon" => snr, "v_prediction" => snr + 1, _ => 1 };
            Assert.Equal(Math.Min(snr, 5) / divisor, weights[i], 1e-4);
        }
    }

    [Fact]
    public void The_weight_of_noise_is_1_where_no_signal_is_left()
    {
        using var schedule = Make("epsilon", zeroSnr: true);

        Assert.Equal(0, schedule.Snr(tensor(999L).reshape(1)).item<float>());
        Assert.Equal(1, schedule.MinSnrWeight(tensor(999L).reshape(1), 5).item<float>());
    }

    [Fact]
    public void The_target_follows_the_prediction_type()
    {
        var (x0, noise, t) = (randn(2, 3), randn(2, 3), tensor(new long[] { 10, 900 }));

        using var epsilon = Make("epsilon");
        using var velocity = Make("v_prediction");
        using var sample = Make("sample");

        Assert.True(epsilon.Target(x0, noise, t).allclose(noise, 0, 0));
        Assert.True(velocity.Target(x0, noise, t).allclose(velocity.GetVelocity(x0, noise, t), 0, 0));
        Assert.True(sample.Target(x0, noise, t).allclose(x0, 0, 0));
    }

    [Fact]
    public void Gradients_flow_through_noise_and_velocity()
    {
        using var schedule = Make("epsilon");
        var x0 = randn(2, 3).requires_grad_();

        schedule.AddNoise(x0, randn(2, 3), tensor(new long[] { 0, 999 })).sum().backward();

        Assert.Equal(MathF.Sqrt(schedule.AlphasCumprod[999]), x0.grad![1, 0].item<float>(), 1e-6f);
    }

    [Theory]
    [InlineData(-1L)]
    [InlineData(1000L)]
    public void Timesteps_outside_the_schedule_are_refused(long timestep)
    {
        using var schedule = Make("epsilon");

        var error = Assert.Throws<ArgumentException>(() => schedule.AddNoise(zeros(1, 2), zeros(1, 2), tensor(timestep).reshape(1)));
        Assert.Contains($"{timestep}", error.Message);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        using var schedule = Make("epsilon");
        var one = tensor(1L).reshape(1);

        Assert.Throws<ArgumentException>(() => schedule.AddNoise(zeros(2, 2), zeros(2, 3), one));
        Assert.Throws<ArgumentException>(() => schedule.AddNoise(zeros(3, 2), zeros(3, 2), tensor(new long[] { 1, 2 })));
        Assert.Throws<ArgumentOutOfRangeException>(() => schedule.MinSnrWeight(one, 0));
    }

    // torch.manual_seed(7); torch.randn(2, 3), and seed 0 for the values that are drawn sixteen at a time.
    [Fact]
    public void Seeds_give_the_numbers_of_PyTorch()
    {
        using var seven = new SeededNoise(7);
        using var zero = new SeededNoise(0);

        var few = seven.Next([1, 2, 3], ScalarType.Float32, CPU).data<float>().ToArray();
        var many = zero.Next([1, 4, 4], ScalarType.Float32, CPU).data<float>().ToArray();

        Assert.All(few.Zip([-0.1468f, 0.7861f, 0.9468f, -1.1143f, 1.6908f, -0.8948f]), p => Assert.Equal(p.Second, p.First, 1e-4f));
        Assert.All(many.Zip([-1.1258f, -1.1524f, -0.2506f, -0.4339f]), p => Assert.Equal(p.Second, p.First, 1e-4f));
    }

    [Fact]
    public void A_row_of_a_batch_can_be_drawn_alone()
    {
        using var batch = new SeededNoise(3, 4);
        using var alone = new SeededNoise(4);

        for (var draw = 0; draw < 2; draw++)
        {
            var row = batch.Next([2, 4, 5], ScalarType.Float32, CPU)[1];
            Assert.True(row.allclose(alone.Next([1, 4, 5], ScalarType.Float32, CPU)[0], 0, 0));
        }

        Assert.Throws<ArgumentException>(() => batch.Next([3, 4], ScalarType.Float32, CPU));
        Assert.Throws<ArgumentException>(() => new SeededNoise([]));
    }

    static NoiseSchedule Make(string prediction, bool zeroSnr = false) => new(SchedulerConfig.For(SchedulerClasses.Ddpm, new JsonObject
    {
        ["beta_start"] = 0.00085,
        ["beta_end"] = 0.012,
        ["beta_schedule"] = "scaled_linear",
        ["prediction_type"] = prediction,
        ["rescale_betas_zero_snr"] = zeroSnr,
    }));
}
