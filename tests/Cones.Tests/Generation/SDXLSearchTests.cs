using Cones.Concepts;
using Cones.Models.Imaging;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Prompts;
using Cones.Tasks.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Generation;

/// <summary>Searches on a tiny random model in the layout of Stable Diffusion XL: two text encoders, a pooled embedding.</summary>
public sealed class SDXLSearchTests : IDisposable
{
    static readonly string s_model = Path.Combine(Cones.Goldens.GoldenSuite.ProjectFolder, "tests", "goldens", "generation", "pipeline-sdxl", "pipeline");
    readonly string _folder = Directory.CreateTempSubdirectory("cones-xl-").FullName;

    [Theory]
    [InlineData(GenerationMethod.Concept)]
    [InlineData(GenerationMethod.PseudoWord)]
    public void A_search_lowers_the_evaluation_loss_and_its_result_is_drawn(GenerationMethod method)
    {
        var path = Path.Combine(_folder, "dog.concept.safetensors");
        using (var result = GenerationSearch.Run(Options() with { Method = method }))
        {
            Assert.True(result.BestLoss < result.StartLoss, $"{result.StartLoss} -> {result.BestLoss}");
            result.Concept.Save(path);
        }

        using var scope = NewDisposeScope();
        var files = ConceptPictures.LoadConcepts([path], s_model);
        Assert.Equal("stable-diffusion-xl", files[0].Metadata.ModelFamily);
        Assert.Equal(38, files[0].Concepts[0].Embeddings.shape[1]);
        Assert.Equal(method == GenerationMethod.Concept, files[0].Concepts[0].Pooled is not null);
        using var pictures = ConceptPictures.FromFolder(s_model, files);
        var warnings = new List<string>();
        var with = pictures.Draw("a <dog>", null, 1, 3, new GenerationOptions { Steps = 2 }, warnings.Add)[0];
        Assert.Empty(warnings);
        using var plain = ConceptPictures.FromFolder(s_model, []);
        Assert.NotEqual(plain.Draw("a dog", null, 1, 3, new GenerationOptions { Steps = 2 }, warnings.Add)[0].Pixels, with.Pixels);
    }

    [Fact]
    public void The_pooled_embedding_is_searched_and_bounded()
    {
        using var result = GenerationSearch.Run(Options() with { NormBound = 1, Search = Options().Search with { Optimizer = new() { LearningRate = 5, WeightDecay = 0 } } });
        using var start = GenerationSearch.Run(Options() with { Method = GenerationMethod.Concept, Search = Options().Search with { Steps = 1, Optimizer = new() { LearningRate = 0 } } });
        using var scope = NewDisposeScope();
        var (searched, before) = (result.Search!.Last["pooled"], start.Search!.Last["pooled"]);
        Assert.False(searched.allclose(before));
        Assert.True(searched.norm().item<float>() < 1.5f * before.norm().item<float>());
    }

    [Fact]
    public void A_pseudo_word_of_the_words_own_rows_is_the_written_prompt()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var text = TextSide.FromFolder(s_model);
        var placeholder = Placeholder.ForWords("<dog>", "dog", text.NewTokenizer());
        var placed = text.Place(["a photo of <dog>"], [placeholder]);
        var sides = text.Encoders.Zip(placed, (encoder, rows) =>
        {
            var slots = tensor(rows[0].Slots[0].Select(s => (long)s).ToArray()).unsqueeze(0);
            var ids = tensor(rows[0].Ids.Select(i => (long)i).ToArray()).unsqueeze(0);
            return new PseudoWordSide(encoder, ids, slots, encoder.TokenTable.index_select(0, ids[0].index_select(0, slots[0])));
        });
        using var prompt = new PseudoWordPrompt([.. sides]);
        Assert.Equal(["pseudo_word", "pseudo_word_2"], prompt.Parameters.Select(p => p.Key));
        Assert.Equal([placeholder.Slots, 38], prompt.ToVectors().shape);

        var built = prompt.Build([0]);
        using var pipeline = (StableDiffusionXLPipeline)DiffusionPipeline.FromFolder(s_model);
        using var written = pipeline.EncodePrompt("a photo of dog");
        Assert.True(built.Embeddings.allclose(written.Conditioning.Embeds, 1e-5, 1e-6));
        Assert.True(built.Pooled!.allclose(written.Conditioning.Pooled!, 1e-5, 1e-6));
        // As a concept file it gives the same again.
        var encodings = text.EncodeTemplates(["a photo of {}"], placeholder, prompt.ToVectors());
        Assert.True(encodings.Embeddings.allclose(built.Embeddings, 1e-5, 1e-6));
        Assert.True(encodings.Pooled!.allclose(built.Pooled!, 1e-5, 1e-6));
    }

    [Fact]
    public void No_negative_prompt_is_zeros_and_an_empty_one_is_encoded()
    {
        using var scope = NewDisposeScope();
        using var text = TextSide.FromFolder(s_model);
        using var encoded = text.Encode(["a dog", "a cat"], []);
        var like = new TextConditioning(encoded.Embeddings, encoded.Pooled);
        using var none = text.EncodeNegative(null, like);
        using var empty = text.EncodeNegative("", like);
        Assert.Equal([1, 12, 38], none.Embeds.shape);
        Assert.Equal(0, none.Embeds.abs().max().item<float>());
        Assert.Equal(0, none.Pooled!.abs().max().item<float>());
        Assert.True(empty.Embeds.abs().max().item<float>() > 0);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    GenerationSearchOptions Options()
    {
        for (var i = 0; i < 2; i++) RgbImage.Filled(72, 64, new Rgb((byte)(90 + (70 * i)), 30, 200)).Save(Path.Combine(_folder, $"{i}.png"));
        return new GenerationSearchOptions
        {
            Model = s_model,
            Images = TrainingViews.ListImages(_folder),
            Name = "<dog>",
            Init = ["dog"],
            Templates = ["a {}", "my {}"],
            BatchSize = 2,
            EvaluationRows = 4,
            PerLayer = false,
            Search = GenerationSearchOptions.DefaultSearch with { Steps = 8, EvaluationInterval = 2, Optimizer = new() { LearningRate = 0.1, WeightDecay = 0 } },
        };
    }
}
