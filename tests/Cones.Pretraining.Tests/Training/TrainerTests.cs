using Cones.Models;
using Cones.Pretraining.Smoke;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Tests.Training;

public sealed class TrainerTests
{
    [Fact]
    public void The_rate_rises_stays_and_falls()
    {
        var schedule = new StepSchedule(1, 100, WarmUp: 10, DecayPart: 0.5);
        Assert.Equal(0.1, schedule.At(0), 6);
        Assert.Equal(1, schedule.At(9), 6);
        Assert.Equal(1, schedule.At(49), 6);
        Assert.Equal(0.5, schedule.At(75), 6);
        Assert.InRange(schedule.At(99), 0, 0.001);
    }

    [Fact]
    public void A_run_can_be_lengthened_until_its_rate_falls()
    {
        var schedule = new StepSchedule(1, 100, WarmUp: 10, DecayPart: 0.5);
        Assert.True(schedule.AgreesUntil(50, schedule with { Steps = 200 }));
        Assert.False(schedule.AgreesUntil(51, schedule with { Steps = 200 }));
        Assert.False(schedule.AgreesUntil(0, schedule with { Rate = 2 }));
        Assert.True(schedule.AgreesUntil(99, schedule));
    }

    [Fact]
    public void A_folder_of_a_run_with_another_seed_is_refused()
    {
        using var folder = new TemporaryFolder();
        SmokeData.Write(folder.Path);
        var options = new RunOptions(folder.Path, folder.Path, null, 1, 1, TextWriter.Null, StopAfter: 1);
        var vae = SmokeRecipes.All.Single(r => r.Name == "vae");
        Assert.False(vae.Run(options, default));
        var error = Assert.Throws<ConesException>(() => vae.Run(options with { Seed = 2 }, default));
        Assert.Contains("--runs", error.Message);
    }

    [Fact]
    public void A_cancelled_run_leaves_a_checkpoint()
    {
        using var folder = new TemporaryFolder();
        SmokeData.Write(folder.Path);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.False(SmokeRecipes.All.Single(r => r.Name == "vae").Run(new RunOptions(folder.Path, folder.Path, null, 1, 1, TextWriter.Null), stop.Token));
        Assert.True(File.Exists(Path.Combine(folder.Path, "vae", "checkpoint.safetensors")));
    }

    [Fact]
    public void Two_processes_cannot_run_in_one_folder()
    {
        using var folder = new TemporaryFolder();
        SmokeData.Write(folder.Path);
        var options = new RunOptions(folder.Path, folder.Path, null, 1, 1, TextWriter.Null, StopAfter: 1);
        var vae = SmokeRecipes.All.Single(r => r.Name == "vae");
        using (new RunFiles(Path.Combine(folder.Path, "vae")))
            Assert.Contains("in use", Assert.Throws<ConesException>(() => vae.Run(options, default)).Message);
        Assert.False(vae.Run(options, default));
    }

    [Fact]
    public void Missing_data_is_named_with_the_remedy()
    {
        using var folder = new TemporaryFolder();
        var options = new RunOptions(folder.Path, folder.Path, null, 1, 1, TextWriter.Null);
        Assert.Contains("prepare-data.sh", Assert.Throws<ConesException>(() => SmokeRecipes.All.Single(r => r.Name == "vae").Run(options, default)).Message);
    }
}
