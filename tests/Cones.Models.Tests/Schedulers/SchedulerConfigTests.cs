using System.Text.Json.Nodes;
using Cones.Models.StableDiffusion.Schedulers;

namespace Cones.Models.Tests.Schedulers;

public sealed class SchedulerConfigTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("cones-scheduler-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(SchedulerClasses.Ddim, TimestepSpacing.Leading, true)]
    [InlineData(SchedulerClasses.Pndm, TimestepSpacing.Leading, false)]
    [InlineData(SchedulerClasses.Euler, TimestepSpacing.Linspace, false)]
    [InlineData(SchedulerClasses.DpmSolver, TimestepSpacing.Linspace, false)]
    public void What_is_not_given_has_the_default_of_the_class(string className, TimestepSpacing spacing, bool setAlphaToOne)
    {
        var config = SchedulerConfig.For(className);

        Assert.Equal(spacing, config.TimestepSpacing);
        Assert.Equal(setAlphaToOne, config.SetAlphaToOne);
        Assert.Equal((0.0001, 0.02), (config.BetaStart, config.BetaEnd));
    }

    [Fact]
    public void Another_class_keeps_what_was_given_and_takes_its_own_defaults_for_the_rest()
    {
        var pndm = SchedulerConfig.For(SchedulerClasses.Pndm, new JsonObject { ["beta_schedule"] = "scaled_linear", ["set_alpha_to_one"] = false });

        var ddim = pndm.With(new JsonObject { ["_class_name"] = SchedulerClasses.Ddim });
        var euler = pndm.With(new JsonObject { ["_class_name"] = SchedulerClasses.Euler });

        Assert.Equal(BetaSchedule.ScaledLinear, ddim.BetaSchedule);
        Assert.False(ddim.SetAlphaToOne);
        Assert.True(ddim.ClipSample);
        Assert.Equal(TimestepSpacing.Linspace, euler.TimestepSpacing);
    }

    [Fact]
    public void Names_choose_a_class_and_keep_the_model_s_noise()
    {
        var shipped = SchedulerConfig.For(SchedulerClasses.Pndm, new JsonObject { ["beta_end"] = 0.012, ["prediction_type"] = "v_prediction" });

        foreach (var name in SchedulerNames.All)
        {
            var config = SchedulerNames.Configure(name, shipped);
            using var scheduler = Scheduler.Create(config);
            Assert.Equal(0.012, config.BetaEnd);
            Assert.Equal(PredictionType.VPrediction, config.PredictionType);
        }

        var karras = SchedulerNames.Configure("DPMpp-2M-SDE-Karras", shipped);
        Assert.Equal((SchedulerClasses.DpmSolver, "sde-dpmsolver++", SigmaSpacing.Karras), (karras.ClassName, karras.AlgorithmType, karras.SigmaSpacing));
        Assert.Contains("dpmpp-2m-karras", Assert.Throws<ConesException>(() => SchedulerNames.Configure("dpm3", shipped)).Message);
    }

    [Fact]
    public void Python_s_infinity_is_read()
    {
        Write("""{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "solver_order": 3}""");

        using var scheduler = Scheduler.FromFolder(_folder);

        Assert.Equal(double.NegativeInfinity, scheduler.Config.LambdaMinClipped);
        Assert.Equal(3, scheduler.Config.SolverOrder);
    }

    [Theory]
    [InlineData("""{"_class_name": "LCMScheduler"}""", "LCMScheduler")]
    [InlineData("""{"_class_name": "DDIMScheduler", "timestep_spacing": "odd"}""", "timestep_spacing 'odd'")]
    [InlineData("""{"_class_name": "DDIMScheduler", "beta_schedule": "sigmoid"}""", "DDPMScheduler only")]
    [InlineData("""{"_class_name": "DDIMScheduler", "beta_start": "low"}""", "not a valid")]
    [InlineData("""{"_class_name": "DDIMScheduler", "num_train_timesteps": 0}""", "at least 1")]
    [InlineData("""{"_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2]}""", "2 entries")]
    [InlineData("""{"_class_name": "DDPMScheduler", "variance_type": "learned_range"}""", "learned_range")]
    [InlineData("""{"_class_name": "PNDMScheduler", "prediction_type": "sample"}""", "not sample")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "use_beta_sigmas": true}""", "only one")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver"}""", "sigma_min")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "use_flow_sigmas": true}""", "flow")]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "solver_order": 0}""", "at least 1")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "solver_order": 4}""", "1 to 3")]
    [InlineData("[1, 2]", "not a valid")]
    [InlineData("{", "not a valid")]
    public void A_file_that_cannot_be_used_says_why(string json, string expected)
    {
        Write(json);

        var message = Assert.Throws<ConesException>(() => Scheduler.FromFolder(_folder)).Message;
        Assert.Contains(expected, message);
        Assert.Contains(Path.Combine(_folder, Scheduler.ConfigName), message);
    }

    [Fact]
    public void A_model_with_another_class_can_be_trained_and_takes_the_scheduler_that_is_chosen()
    {
        Write("""{"_class_name": "LMSDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}""");

        using var schedule = NoiseSchedule.FromFolder(_folder);
        using var scheduler = Scheduler.Create(SchedulerNames.Configure("euler", SchedulerConfig.FromFile(Path.Combine(_folder, Scheduler.ConfigName))));

        Assert.Equal(0.00085f, schedule.Betas[0], 1e-7f);
        Assert.IsType<EulerScheduler>(scheduler);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<ConesException>(() => Scheduler.FromFolder(_folder));

        Assert.Contains(Path.Combine(_folder, "scheduler_config.json"), error.Message);
    }

    void Write(string json) => File.WriteAllText(Path.Combine(_folder, Scheduler.ConfigName), json);
}
