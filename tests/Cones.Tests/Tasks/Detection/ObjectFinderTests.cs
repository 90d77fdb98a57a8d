using Cones.Concepts;
using Cones.Models;
using Cones.Models.Glip;
using Cones.Models.Glip.Text;
using Cones.Models.Imaging;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;
using Cones.Tests.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Detection;

public sealed class ObjectFinderTests : IDisposable
{
    static readonly ClassPrompt[] s_classes = [new("cat", "cat"), new("remote control", "remote control")];

    readonly TemporaryFolder _folder = new();
    readonly GlipDetector _detector = GlipDetector.FromPath(DrawnData.Model);
    readonly RgbImage _image = RgbImage.Load(DrawnData.Golden("glip/15_end_to_end/image.png"));

    public void Dispose()
    {
        _detector.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Names_find_what_the_model_itself_finds()
    {
        using var model = GlipModel.FromFolder(DrawnData.Model);
        var expected = model.Detect(_image, GlipCaption.FromClasses([.. s_classes.Select(c => c.Text)]));
        using var finder = ObjectFinder.OfClasses(_detector, s_classes);
        var found = finder.Find(_image);
        Assert.NotEmpty(found);
        Assert.Equal(expected.Select(d => (d.Label - 1, d.Score)), found.Select(f => (f.Class, (float)f.Score)));
        Assert.Equal(expected[0].X2 - expected[0].X1 + 1, found[0].Box.Width, 1e-3);
    }

    [Theory]
    [InlineData(DetectionMethod.Text)]
    [InlineData(DetectionMethod.Concept)]
    [InlineData(DetectionMethod.Offset)]
    public void A_file_without_a_step_finds_what_names_find(DetectionMethod method)
    {
        using var names = ObjectFinder.OfClasses(_detector, s_classes);
        using var file = ObjectFinder.OfConcepts(_detector, [Search(method, steps: 0)], "tiny");
        Assert.Equal(names.Find(_image).Select(Rounded), file.Find(_image).Select(Rounded));

        static (int, double) Rounded(FoundObject found) => (found.Class, Math.Round(found.Score, 4));
    }

    [Fact]
    public void A_part_of_a_files_classes_is_found_as_with_all()
    {
        using var all = ObjectFinder.OfConcepts(_detector, [Search(DetectionMethod.Concept)], "tiny");
        using var some = ObjectFinder.OfConcepts(_detector, [Search(DetectionMethod.Concept)], "tiny");
        some.Select(["remote control"]);
        Assert.Equal(all.Find(_image).Where(f => f.Class == 1).Select(f => f.Score).Take(5), some.Find(_image).Select(f => f.Score).Take(5));
        Assert.Contains("no class 'dog'", Assert.Throws<ConesException>(() => some.Select(["dog"])).Message);
    }

    [Fact]
    public void Files_are_used_side_by_side()
    {
        var cat = Search(DetectionMethod.Concept, classes: [new("cat", "cat")]);
        var remote = Search(DetectionMethod.Offset, classes: [new("remote control", "sign")]);
        using var both = ObjectFinder.OfConcepts(_detector, [cat, remote], "tiny");
        using var one = ObjectFinder.OfConcepts(_detector, [remote], "tiny");
        Assert.Equal(["cat", "remote control"], both.Names);
        Assert.Equal(one.Find(_image).Select(f => f.Score), both.Find(_image).Where(f => f.Class == 1).Select(f => f.Score));
        Assert.Contains("'cat'", Assert.Throws<ConesException>(() => ObjectFinder.OfConcepts(_detector, [cat, cat], "tiny")).Message);
    }

    [Fact]
    public void A_file_of_another_model_or_task_is_refused()
    {
        var path = Search(DetectionMethod.Concept);
        using var other = GlipDetector.FromPath(DrawnData.OtherModel);
        var message = Assert.Throws<ConesException>(() => ObjectFinder.OfConcepts(other, [path], "other")).Message;
        Assert.Contains("another model (glip, 24 dimensions", message);
        Assert.Contains(path, message);

        using var file = ConceptFile.Load(path);
        var drawn = _folder["drawn.concept.safetensors"];
        using (var copy = new ConceptFile(file.Concepts, file.Metadata with { Task = "generation" })) copy.Save(drawn);
        Assert.Contains("for generation", Assert.Throws<ConesException>(() => ObjectFinder.OfConcepts(_detector, [drawn], "tiny")).Message);
    }

    [Fact]
    public void Cached_features_give_the_same_loss_as_fresh_ones()
    {
        using var scope = NewDisposeScope();
        var data = DrawnData.Make(_folder.Path, 2);
        using var caption = _detector.EncodeCaption(s_classes);
        using var prompt = new ClassSlotsPrompt(caption, ClassVectors.OfNames(caption, 2, 1));
        foreach (var bytes in (long[])[0, long.MaxValue])
        {
            using var examples = DetectionExamples.Create(_detector, new ViewMaker(data, s_classes), 0, bytes, _folder.Path, TestContext.Current.CancellationToken);
            Assert.Equal(bytes == 0, examples.File is not null);
            for (var i = 0; i < 2; i++)
            {
                var (features, targets) = examples.Read(i);
                var fresh = _detector.EncodeImage(data.Images[i].Load());
                Assert.Equal(Loss(fresh, targets), Loss(features, targets));
            }
        }

        float Loss(IReadOnlyList<Tensor> features, DetectionTargets targets) => _detector.Loss(features, prompt.Build([0]), prompt.Classes, targets).item<float>();
    }

    [Fact]
    public void Slots_take_the_place_of_names()
    {
        using var scope = NewDisposeScope();
        using var caption = _detector.EncodeCaption(s_classes); // [CLS] cat . remote control [SEP]
        using var prompt = new ClassSlotsPrompt(caption, [zeros(3, 24), ones(1, 24)]);
        var built = prompt.Build([0]).Embeddings;
        Assert.Equal([[1, 2, 3], [5]], prompt.Classes);
        Assert.Equal([1, 7, 24], built.shape);
        Assert.True(built[0, 0].equal(caption.Hidden[0, 0]).all().item<bool>() && built[0, 6].equal(caption.Hidden[0, -1]).all().item<bool>());
        Assert.Equal((0f, 24f), (built[0].narrow(0, 1, 3).abs().sum().item<float>(), built[0, 5].sum().item<float>()));
        Assert.Throws<ArgumentException>(() => new ClassSlotsPrompt(caption, [zeros(3, 24)]));
        Assert.Throws<ArgumentException>(() => new ClassSlotsPrompt(caption, [zeros(3, 24), zeros(1, 23)]));
    }

    [Fact]
    public void Learned_words_go_into_the_caption_where_they_belong()
    {
        using var scope = NewDisposeScope();
        using var caption = _detector.EncodeCaption(s_classes); // [CLS] cat . remote control [SEP]
        using var pseudo = InputWordsPrompt.PseudoWords(caption, 3, (w, _) => w);
        using var context = InputWordsPrompt.SoftContext(caption, 2, 1, (w, _) => w);
        Assert.Equal([[1, 2, 3], [5, 6, 7]], pseudo.Classes);
        Assert.Equal([[3], [7, 8]], context.Classes);
        var (before, words) = (caption.Words![0], context.Build([0]).Embeddings[0]);
        Assert.Equal([10, 24], words.shape);
        Assert.True(words.index_select(0, tensor(new long[] { 0, 3, 4, 7, 8, 9 })).equal(before).all().item<bool>());
        Assert.True(words.narrow(0, 1, 2).equal(context.Vectors).all().item<bool>() && words.narrow(0, 5, 2).equal(context.Vectors).all().item<bool>());
        Assert.True(_detector.EncodeWords(caption.Words, caption.Classes).allclose(caption.Hidden, rtol: 1e-5, atol: 1e-5));
        Assert.Contains("21 tokens", Assert.Throws<ConesException>(() => _detector.EncodeWords(zeros(1, 21, 24), [[1]])).Message);
    }

    [Fact]
    public void A_file_of_learned_words_is_found_with()
    {
        foreach (var method in (DetectionMethod[])[DetectionMethod.PseudoWord, DetectionMethod.SoftContext])
        {
            using var finder = ObjectFinder.OfConcepts(_detector, [Search(method)], "tiny");
            Assert.Equal(["cat", "remote control"], finder.Names);
            Assert.NotEmpty(finder.Find(_image));
        }
    }

    string Search(DetectionMethod method, int steps = 2, IReadOnlyList<ClassPrompt>? classes = null)
    {
        var defaults = DetectionSearchOptions.DefaultSearch(method);
        using var result = DetectionSearch.Run(_detector, new DetectionSearchOptions
        {
            Model = DrawnData.Model,
            Train = DrawnData.Make(_folder.Path, 2),
            Classes = classes ?? [],
            Method = method,
            Search = defaults with { Steps = Math.Max(1, steps), Accumulate = 1, Optimizer = defaults.Optimizer with { LearningRate = steps == 0 ? 0 : 0.05 } },
        });
        var path = _folder[$"{Guid.NewGuid():n}{ConceptFile.Extension}"];
        result.Concept.Save(path);
        return path;
    }
}
