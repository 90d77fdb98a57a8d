using Cones.Models;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Optimizers;
using Cones.Search.Runs;
using Cones.Search.Schedules;

namespace Cones.Tests.Search;

/// <summary>A search that dies anywhere and runs again leaves the folder that an undisturbed one leaves.</summary>
public sealed class ResumeTests
{
    static readonly SearchOptions s_options = new()
    {
        Steps = 24,
        Accumulate = 2,
        EvaluationInterval = 4,
        CheckpointInterval = 3,
        CheckpointSeconds = 0,
        PreviewInterval = 6,
        ClipNorm = 1,
        Optimizer = new() { LearningRate = 0.1 },
    };

    public static TheoryData<string> Variants() => [.. s_variants.Keys];

    static readonly Dictionary<string, SearchOptions> s_variants = new()
    {
        ["adamw, cosine, average"] = s_options with { EmaDecay = 0.9, Schedule = new() { Name = ScheduleKind.Cosine, WarmupSteps = 4 } },
        ["adam, amsgrad, one checkpoint"] = s_options with { KeepCheckpoints = 1, Optimizer = new() { Name = OptimizerKind.Adam, AmsGrad = true, LearningRate = 0.1 } },
        ["sgd, nesterov"] = s_options with { Optimizer = new() { Name = OptimizerKind.Sgd, Momentum = 0.9, Nesterov = true, LearningRate = 0.01 } },
        ["no evaluation"] = s_options with { EvaluationInterval = 0 },
        ["early stop"] = s_options with { EvaluationInterval = 1, EarlyStop = new() { Name = EarlyStopKind.Plateau, Patience = 3, MinimumDelta = 0.3 } },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public void Dying_in_any_micro_batch_changes_nothing(string variant)
    {
        using var folder = new TemporaryFolder();
        var options = s_variants[variant];
        var (expected, bytes, steps) = Undisturbed(folder["whole"], options);
        var stride = variant == s_variants.Keys.First() ? 1 : 5;
        for (var death = 0; death < steps; death += stride)
        {
            var run = folder[$"death-{death}"];
            // Twice, so that a resumed search dies too.
            foreach (var later in (int[])[death, Math.Min(death + 4, steps - 1)])
                Assert.Throws<IOException>(() => Search(run, options, p => p.BeforeLoss = (step, micro) =>
                {
                    if (step == later && micro == 1) throw new IOException("killed");
                }));
            Assert.Equal(bytes, Search(run, options));
            Assert.Equal(expected, TemporaryFolder.Digest(run));
        }
    }

    [Fact]
    public void Whatever_a_kill_leaves_half_written_is_put_right()
    {
        using var folder = new TemporaryFolder();
        var options = s_variants["adamw, cosine, average"];
        var (expected, bytes, _) = Undisturbed(folder["whole"], options);
        var copies = new List<string>();
        Search(folder["copied"], options, observer: new RecordingObserver
        {
            AfterStep = r => Copy($"step-{r.Step}"),
            AfterCheckpoint = s => Copy($"checkpoint-{s}"),
        });
        Assert.True(copies.Count >= 24 + 8);
        foreach (var (copy, i) in copies.Select((c, i) => (c, i)))
        {
            // A line begun, temporary files begun, previews of steps that will be made again.
            File.AppendAllText(Path.Combine(copy, "metrics.jsonl"), """{"step":9999,"lo"""[..(i % 15)]);
            File.WriteAllText(Path.Combine(copy, "checkpoints", ".step-00000099.safetensors.0123.tmp"), "half");
            File.WriteAllText(Path.Combine(copy, ".options.json.0123.tmp"), "{");
            File.WriteAllText(Path.Combine(copy, "previews", "6.txt"), "");
            Assert.Equal(bytes, Search(copy, options));
            // The caller's previews are not written again once their step is passed.
            File.Copy(Path.Combine(folder["whole"], "previews", "6.txt"), Path.Combine(copy, "previews", "6.txt"), overwrite: true);
            Assert.Equal(expected, TemporaryFolder.Digest(copy));
        }

        void Copy(string name)
        {
            copies.Add(folder[name]);
            TemporaryFolder.Copy(folder["copied"], folder[name]);
        }
    }

    [Fact]
    public void A_damaged_checkpoint_is_passed_over_for_the_one_before()
    {
        using var folder = new TemporaryFolder();
        var (expected, bytes, _) = Undisturbed(folder["whole"], s_options);
        foreach (var damage in (Action<string>[])[Truncate, FlipLastByte, FlipMetadata, f => File.WriteAllText(f, "")])
        {
            var run = folder[$"damage-{damage.Method.Name}"];
            Assert.Throws<IOException>(() => Search(run, s_options, p => p.BeforeLoss = (step, _) =>
            {
                if (step == 13) throw new IOException("killed");
            }));
            damage(Path.Combine(run, "checkpoints", "step-00000012.safetensors"));
            var observer = new RecordingObserver();
            Assert.Equal(bytes, Search(run, s_options, observer: observer));
            Assert.Contains("step-00000012", Assert.Single(observer.Warnings), StringComparison.Ordinal);
            Assert.Equal((9, 24), observer.Started[0]);
            File.Delete(Path.Combine(run, "checkpoints", "step-00000012.safetensors.damaged"));
            Assert.Equal(expected, TemporaryFolder.Digest(run));
        }

        static void Truncate(string file)
        {
            using var stream = File.OpenWrite(file);
            stream.SetLength(stream.Length / 2);
        }

        static void FlipLastByte(string file) => Flip(file, 1);

        static void FlipMetadata(string file)
        {
            var text = File.ReadAllBytes(file);
            var at = text.AsSpan().IndexOf("\\\"Step\\\":12"u8) + "\\\"Step\\\":1"u8.Length;
            text[at] = (byte)'1';
            File.WriteAllBytes(file, text);
        }

        static void Flip(string file, int fromEnd)
        {
            var content = File.ReadAllBytes(file);
            content[^fromEnd] ^= 1;
            File.WriteAllBytes(file, content);
        }
    }

    [Fact]
    public void Without_a_whole_checkpoint_the_search_does_not_begin_anew_by_itself()
    {
        using var folder = new TemporaryFolder();
        Undisturbed(folder["run"], s_options);
        foreach (var file in Directory.EnumerateFiles(folder["run/checkpoints"])) File.WriteAllText(file, "");
        Assert.Contains("checkpoints", Assert.Throws<ConesException>(() => Search(folder["run"], s_options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Metrics_that_were_cut_short_are_reported()
    {
        using var folder = new TemporaryFolder();
        var (_, bytes, _) = Undisturbed(folder["run"], s_options);
        File.Delete(folder["run/metrics.jsonl"]);
        var observer = new RecordingObserver();
        Assert.Equal(bytes, Search(folder["run"], s_options, observer: observer));
        Assert.Contains("metrics.jsonl", Assert.Single(observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_search_goes_on_as_if_nothing_had_happened()
    {
        using var folder = new TemporaryFolder();
        var options = s_variants["adamw, cosine, average"];
        var (expected, bytes, _) = Undisturbed(folder["whole"], options);
        for (var stop = 0; stop < 24; stop += 5)
        {
            var run = folder[$"stop-{stop}"];
            using (var cancellation = new CancellationTokenSource())
            using (var problem = new TinyProblem())
            using (var runFolder = RunFolder.Open(run))
            {
                if (stop == 0) cancellation.Cancel();
                problem.BeforeLoss = (step, _) =>
                {
                    if (step == stop - 1) cancellation.Cancel();
                };
                using var result = SearchLoop.Run(problem, options, runFolder, cancellation: cancellation.Token);
                Assert.Equal((StopReason.Cancelled, stop), (result.Reason, result.Step));
            }

            Assert.Equal(bytes, Search(run, options));
            Assert.Equal(expected["metrics.jsonl"], TemporaryFolder.Digest(run)["metrics.jsonl"]);
            Assert.Equal(expected["checkpoints/step-00000024.safetensors"], TemporaryFolder.Digest(run)["checkpoints/step-00000024.safetensors"]);
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_finished_search_gives_its_result_again_without_a_step(string variant)
    {
        using var folder = new TemporaryFolder();
        var options = s_variants[variant];
        using var first = new TinyProblem();
        using var second = new TinyProblem();
        SearchResult one, two;
        var observer = new RecordingObserver();
        using (var run = RunFolder.Open(folder["run"])) one = TinySearch.Run(first, options, run);
        var expected = TemporaryFolder.Digest(folder["run"]);
        using (var run = RunFolder.Open(folder["run"])) two = TinySearch.Run(second, options, run, observer);
        using (one)
        using (two)
        {
            Assert.Empty(observer.Steps);
            Assert.Equal((one.Reason, one.Message, one.Step, one.BestStep, one.BestLoss), (two.Reason, two.Message, two.Step, two.BestStep, two.BestLoss));
            Assert.Equal(one.Evaluations, two.Evaluations);
            foreach (var name in one.Best.Keys)
            {
                Assert.Equal(one.Best[name].bytes.ToArray(), two.Best[name].bytes.ToArray());
                Assert.Equal(one.Last[name].bytes.ToArray(), two.Last[name].bytes.ToArray());
            }

            Assert.Equal(first.Bytes(), second.Bytes());
            Assert.Equal(expected, TemporaryFolder.Digest(folder["run"]));
        }
    }

    static (SortedDictionary<string, string> Digest, byte[] Bytes, int Steps) Undisturbed(string run, SearchOptions options)
    {
        var observer = new RecordingObserver();
        var bytes = Search(run, options, observer: observer);
        return (TemporaryFolder.Digest(run), bytes, observer.Steps.Count);
    }

    static byte[] Search(string run, SearchOptions options, Action<TinyProblem>? prepare = null, ISearchObserver? observer = null)
    {
        using var problem = new TinyProblem();
        prepare?.Invoke(problem);
        using var folder = RunFolder.Open(run);
        using var result = TinySearch.Run(problem, options, folder, observer);
        return problem.Bytes();
    }
}
