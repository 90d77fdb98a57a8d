using Cones.Concepts;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Search;
using Cones.Search.EarlyStopping;
using Cones.Search.Runs;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Generation;

/// <summary>The whole way from pictures to concept with the embedded model, in few steps.</summary>
public sealed class GenerationSearchTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("cones-search-").FullName;

    [Theory]
    [InlineData(SlotRule.Overwrite, true)]
    [InlineData(SlotRule.Overwrite, false)]
    [InlineData(SlotRule.Residual, false)]
    [InlineData(SlotRule.Delta, true)]
    [InlineData(SlotRule.DeltaPerSlot, false)]
    [InlineData(SlotRule.Tail, false)]
    [InlineData(SlotRule.Full, true)]
    [InlineData(SlotRule.FullWithStart, false)]
    public void Every_rule_lowers_the_evaluation_loss_and_changes_pictures(SlotRule rule, bool perLayer)
    {
        var path = Path.Combine(_folder, "found.concept.safetensors");
        using (var result = GenerationSearch.Run(Options() with { Rule = rule, PerLayer = perLayer }))
        {
            Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
            result.Concept.Save(path);
        }

        var concepts = ConceptPictures.LoadConcepts([path], Options().Model);
        using var pictures = ConceptPictures.FromFolder(Options().Model, concepts);
        var (with, without) = (Draw("an emoji of a <eggplant>"), Draw("an emoji of a purple grapes"));
        Assert.NotEqual(without, with);
        Assert.Equal(with, Draw("an emoji of a <eggplant>"));
        concepts[0].Dispose();

        byte[] Draw(string prompt) => pictures.Draw(prompt, null, 1, 3, new Cones.Models.StableDiffusion.Pipelines.GenerationOptions { Steps = 1 }, _ => { })[0].Pixels;
    }

    [Fact]
    public void Textual_inversion_lowers_the_evaluation_loss()
    {
        var options = Options() with { Method = GenerationMethod.PseudoWord };
        using var result = GenerationSearch.Run(options with { Search = options.Search with { Optimizer = options.Search.Optimizer with { LearningRate = 0.01 } } });
        Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
        Assert.Equal("pseudo-word", result.Concept.Metadata.Method);
    }

    [Fact]
    public void Words_takes_the_name_with_the_lowest_loss_and_searches_nothing()
    {
        using var result = GenerationSearch.Run(Options() with { Method = GenerationMethod.Words, Init = ["purple grapes", "lemon", "frog"] });
        Assert.Null(result.Search);
        Assert.Equal(3, result.Candidates.Count);
        Assert.Equal(result.Candidates.MinBy(c => c.Loss)!.Words, result.BaseText);
    }

    [Theory]
    [InlineData(GenerationMethod.Concept, InitKind.BestWord)]
    [InlineData(GenerationMethod.Concept, InitKind.Nearby)]
    [InlineData(GenerationMethod.Concept, InitKind.Mean)]
    [InlineData(GenerationMethod.Concept, InitKind.Text)]
    [InlineData(GenerationMethod.Concept, InitKind.Random)]
    [InlineData(GenerationMethod.PseudoWord, InitKind.Nearby)]
    [InlineData(GenerationMethod.PseudoWord, InitKind.Mean)]
    [InlineData(GenerationMethod.PseudoWord, InitKind.Random)]
    public void Every_kind_of_start_begins_a_search(GenerationMethod method, InitKind kind)
    {
        var options = Options() with { Method = method, InitKind = kind, Init = ["grapes", "lemon"], Search = Options().Search with { Steps = 2 } };
        using var result = GenerationSearch.Run(options);
        Assert.True(double.IsFinite(result.BestLoss));
        Assert.StartsWith(InitKinds.NameOf(kind), result.Concept.Metadata.Init, StringComparison.Ordinal);
        Assert.Equal(kind == InitKind.Mean ? 0 : kind == InitKind.Nearby ? 10 : 2, result.Candidates.Count);
        Assert.True(kind == InitKind.Nearby || result.BaseText is "grapes" or "lemon");
        using var other = GenerationSearch.Run(options with { InitKind = InitKind.BestWord, Init = ["frog"] });
        Assert.NotEqual(other.StartLoss, result.StartLoss);
    }

    [Fact]
    public void Random_vectors_start_with_the_norm_of_a_word()
    {
        var options = Options() with { Slots = 3, PerLayer = false, Search = Options().Search with { Optimizer = new() { LearningRate = 0 } } };
        using var word = GenerationSearch.Run(options);
        using var random = GenerationSearch.Run(options with { InitKind = InitKind.Random });
        using var scope = NewDisposeScope();
        var norms = random.Concept.Concepts[0].Embeddings.norm(-1);
        Assert.Equal(norms.max().item<float>(), norms.min().item<float>(), 1e-3);
        Assert.Equal(word.Concept.Concepts[0].Embeddings.norm(-1).mean().item<float>(), norms.mean().item<float>(), 0.3 * norms.mean().item<float>());
    }

    [Fact]
    public void Vectors_stay_within_their_bound()
    {
        var options = Options() with { NormBound = 1.01, PerLayer = false, Search = Options().Search with { Optimizer = new() { LearningRate = 3 } } };
        using var bounded = GenerationSearch.Run(options);
        using var free = GenerationSearch.Run(options with { NormBound = 0 });
        using var start = GenerationSearch.Run(options with { Search = options.Search with { Optimizer = new() { LearningRate = 0 } } });
        Assert.True(Largest(bounded) < 1.3 * Largest(start));
        Assert.True(Largest(free) > 1.5 * Largest(bounded), $"{Largest(free)} {Largest(bounded)}");

        static float Largest(GenerationSearchResult result)
        {
            using var scope = NewDisposeScope();
            return result.Search!.Last["concept"].norm(-1).max().item<float>();
        }
    }

    [Fact]
    public void Without_words_the_best_of_the_models_own_is_taken()
    {
        using var result = GenerationSearch.Run(Options() with { Method = GenerationMethod.Words, Init = [], EvaluationRows = 8 });
        Assert.True(result.Candidates.Count > 20);
        Assert.Equal(result.Candidates[0].Words, result.BaseText);
        Assert.Equal((8, 4), (result.Candidates[0].Rows, result.Candidates[^1].Rows));
        // The finalists in order; what lost early, behind them.
        Assert.Equal(result.Candidates.OrderByDescending(c => c.Rows).ThenBy(c => c.Loss), result.Candidates);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, GenerationMethod.Concept, 0.01)]
    [InlineData(ScalarType.Float16, GenerationMethod.Concept, 0.002)]
    [InlineData(ScalarType.BFloat16, GenerationMethod.PseudoWord, 0.01)]
    public void Half_precision_finds_nearly_the_same(ScalarType precision, GenerationMethod method, double tolerance)
    {
        var options = Options() with { Method = method };
        using var whole = GenerationSearch.Run(options);
        using var half = GenerationSearch.Run(options with { Precision = precision });
        Assert.Equal(whole.StartLoss, half.StartLoss, tolerance);
        Assert.Equal(whole.BestLoss, half.BestLoss, tolerance);
        Assert.NotEqual(whole.BestLoss, half.BestLoss);
        Assert.True(half.BestLoss < half.StartLoss, $"{half.StartLoss} -> {half.BestLoss}");
        Assert.Equal(0, half.Search!.SkippedSteps);
        Assert.Equal(ScalarType.Float32, half.Concept.Concepts[0].Embeddings.dtype);
    }

    [Fact]
    public void A_search_that_comes_to_rest_stops_by_default()
    {
        // A rate of 0 changes nothing: of 15 evaluations the last 8 vary as little as can be once there are more than 8.
        var options = Options() with { Search = GenerationSearchOptions.DefaultSearch with { Steps = 30, EvaluationInterval = 2, Optimizer = new() { LearningRate = 0 } } };
        using var result = GenerationSearch.Run(options);
        Assert.Equal((StopReason.EarlyStopped, 16), (result.Search!.Reason, result.Search.Step));
        Assert.Equal(0, result.Search.BestStep);
    }

    [Fact]
    public void Latents_in_a_file_change_no_byte()
    {
        var inMemory = ConceptBytes(Options(), Path.Combine(_folder, "memory"));
        Assert.Equal(inMemory, ConceptBytes(Options() with { LatentMemoryBytes = 1000 }, Path.Combine(_folder, "file")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "file"), "*.tmp"));
    }

    [Fact]
    public void A_pseudo_word_goes_on_from_another_and_full_from_a_pseudo_word()
    {
        var path = Path.Combine(_folder, "word.concept.safetensors");
        var options = Options() with { Method = GenerationMethod.PseudoWord };
        double found;
        using (var first = GenerationSearch.Run(options))
        {
            first.Concept.Save(path);
            found = first.BestLoss;
        }

        foreach (var method in (GenerationMethod[])[GenerationMethod.PseudoWord, GenerationMethod.Full])
        {
            using var second = GenerationSearch.Run(options with { Method = method, Init = [], StartConcept = path, Search = options.Search with { Steps = 1 } });
            Assert.Equal(found, second.StartLoss, 1e-4);
        }

        Assert.Contains("pseudo-word", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { StartConcept = path })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fine_tuning_goes_on_from_a_concept()
    {
        var path = Path.Combine(_folder, "start.concept.safetensors");
        var options = Options();
        double found;
        using (var first = GenerationSearch.Run(options))
        {
            first.Concept.Save(path);
            found = first.BestLoss;
        }

        using var second = GenerationSearch.Run(options with
        {
            Method = GenerationMethod.Full,
            StartConcept = path,
            Search = options.Search with { Optimizer = options.Search.Optimizer with { LearningRate = 1e-4 } },
        });
        Assert.Equal(found, second.StartLoss, 1e-4);
        Assert.True(second.BestLoss < second.StartLoss);
        // The concept goes along as it was found.
        using var start = ConceptFile.Load(path);
        Assert.Equal((start.Metadata.Method, start.Metadata.SlotRule, start.Metadata.BaseText), (second.Concept.Metadata.Method, second.Concept.Metadata.SlotRule, second.Concept.Metadata.BaseText));
        Assert.True(second.Concept.Concepts[0].Vectors.equal(start.Concepts[0].Vectors).all().item<bool>());
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        Assert.Equal(ConceptBytes(Options(), null), ConceptBytes(Options(), null));
        Assert.NotEqual(ConceptBytes(Options(), null), ConceptBytes(Options() with { Search = Options().Search with { Seed = 8 } }, null));
    }

    [Fact]
    public void A_stopped_search_goes_on_to_the_same_bytes()
    {
        var whole = ConceptBytes(Options(), Path.Combine(_folder, "whole"));
        using var stop = new CancellationTokenSource();
        using (var folder = RunFolder.Open(Path.Combine(_folder, "stopped")))
        using (var stopped = GenerationSearch.Run(Options(), folder, new StopAfter(2, stop), cancellation: stop.Token))
            Assert.Equal(StopReason.Cancelled, stopped.Search!.Reason);
        Assert.Equal(whole, ConceptBytes(Options(), Path.Combine(_folder, "stopped")));
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        ConceptBytes(Options(), null);
        // Tensors that other tests left to the finalizer would be counted on one side only.
        var before = CountAfterCollection();
        ConceptBytes(Options(), null);
        Assert.Equal(before, Tensor.TotalCount);

        static long CountAfterCollection()
        {
            for (var i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            return Tensor.TotalCount;
        }
    }

    [Fact]
    public void Masks_must_fit_their_pictures()
    {
        var masks = Path.Combine(_folder, "masks");
        Directory.CreateDirectory(masks);
        var error = Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Masks = masks }));
        Assert.Contains("has no mask for", error.Message, StringComparison.Ordinal);
        foreach (var image in Options().Images) RgbImage.Filled(8, 8, new Rgb(255, 255, 255)).Save(Path.Combine(masks, Path.GetFileName(image)));
        error = Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Masks = masks }));
        Assert.Contains("must be alike", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mask_of_the_whole_picture_changes_nothing()
    {
        var masks = Path.Combine(_folder, "masks");
        Directory.CreateDirectory(masks);
        foreach (var image in Options().Images) RgbImage.Filled(128, 128, new Rgb(255, 255, 255)).Save(Path.Combine(masks, Path.GetFileName(image)));
        using var plain = GenerationSearch.Run(Options() with { Method = GenerationMethod.Text });
        using var masked = GenerationSearch.Run(Options() with { Method = GenerationMethod.Text, Masks = masks });
        Assert.Equal(plain.StartLoss, masked.StartLoss, 1e-5);
    }

    [Fact]
    public void Unusable_options_are_refused_in_one_sentence()
    {
        Assert.Contains("--images", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Images = [] })).Message, StringComparison.Ordinal);
        Assert.Contains("name is empty", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Name = "" })).Message, StringComparison.Ordinal);
        Assert.Contains("<lemon>", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Name = "lemon" })).Message, StringComparison.Ordinal);
        Assert.Contains("fp32", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Method = GenerationMethod.Full, Precision = ScalarType.BFloat16 })).Message, StringComparison.Ordinal);
        Assert.Contains("start at zero", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Rule = SlotRule.Delta, InitKind = InitKind.Random })).Message, StringComparison.Ordinal);
        Assert.Contains("--name", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Name = "two words" })).Message, StringComparison.Ordinal);
        Assert.Contains("multiple of 4", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Resolution = 63 })).Message, StringComparison.Ordinal);
        Assert.Contains("no such folder", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Model = "no such folder" })).Message, StringComparison.Ordinal);
        Assert.Contains("too long", Assert.Throws<ConesException>(() => GenerationSearch.Run(Options() with { Slots = 30 })).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static byte[] ConceptBytes(GenerationSearchOptions options, string? run)
    {
        var path = Path.GetTempFileName();
        using var folder = run is null ? null : RunFolder.Open(run);
        using var result = GenerationSearch.Run(options, folder);
        result.Concept.Save(path);
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    static GenerationSearchOptions Options()
    {
        var samples = Path.Combine(Cones.Goldens.GoldenSuite.ProjectFolder, "samples", "generation", "eggplant");
        return new GenerationSearchOptions
        {
            Model = EmbeddedModels.Find(EmbeddedModels.StableDiffusion),
            Images = [.. TrainingViews.ListImages(samples).Take(2)],
            Name = "<eggplant>",
            Init = ["purple grapes"],
            BatchSize = 2,
            EvaluationRows = 2,
            Search = GenerationSearchOptions.DefaultSearch with
            {
                Steps = 6,
                Seed = 7,
                EvaluationInterval = 2,
                CheckpointInterval = 1,
                EarlyStop = new EarlyStopOptions(),
                Optimizer = GenerationSearchOptions.DefaultSearch.Optimizer with { LearningRate = 0.03 },
            },
        };
    }

    sealed class StopAfter(int steps, CancellationTokenSource stop) : ISearchObserver
    {
        public void OnStep(StepReport report)
        {
            if (report.Step >= steps) stop.Cancel();
        }
    }
}
