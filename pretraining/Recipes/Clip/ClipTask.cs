using Cones.Models.Clip;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Clip;

/// <summary>Trains a <see cref="ClipModel"/> on pictures of icons and captions.</summary>
sealed class ClipTask : ITrainingTask
{
    // The factor on cosines starts at 1 / 0.07 and ends at 100, as in the paper.
    const double FirstLogitScale = 2.6592;
    const double MostLogitScale = 4.6052;
    const double TagProbability = 0.3;

    // Batches of one style on one background: only the names tell their pairs apart. In mixed ones style and background do
    // half of the work, and names are learnt late.
    const double AlikePart = 0.75;

    readonly TrainingPlan _plan;
    readonly ClipModel _clip;
    readonly IconPictures _pictures;
    readonly ClipTokenizer _tokenizer;
    readonly string _tokenizerFolder;
    readonly int[][] _iconsOfConcepts;
    readonly int[][][] _styles;
    readonly RetrievalTest[] _tests;

    /// <summary>The task with a fresh model.</summary>
    public ClipTask(ClipConfig config, TrainingPlan plan, IconPictures pictures, ClipTokenizer tokenizer, string tokenizerFolder)
    {
        (_plan, _pictures, _tokenizer, _tokenizerFolder) = (plan, pictures, tokenizer, tokenizerFolder);
        _clip = new ClipModel(config);
        Initialization.Fill(_clip, plan.Seed, "clip");
        foreach (var (name, weight) in _clip.NamedWeights())
        {
            if (name == "logit_scale") weight.Assign(tensor((float)FirstLogitScale));
            if (name.EndsWith("_embedding.weight", StringComparison.Ordinal)) Initialization.Scale(weight, 0.3);
        }

        Parts = [new TrainedPart("clip", _clip)];
        var pack = pictures.Pack;
        _iconsOfConcepts = ByConcept(pack.Select((c, _) => !c.HeldOut));
        _styles = [.. pack.Icons.Select(i => i.Style).Distinct().Select(style => ByConcept(pack.Select((c, s) => !c.HeldOut && s == style)))];
        _tests = [new RetrievalTest("seen", pictures, tokenizer, c => !c.HeldOut), new RetrievalTest("heldout", pictures, tokenizer, c => c.HeldOut)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainedPart> Parts { get; }

    /// <inheritdoc/>
    public Tensor Loss(long step, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        var random = CounterRandom.At(_plan.Seed, "pairs", step);
        var canvases = new List<Canvas>();
        var captions = new List<string>();
        // A concept comes once at most: the same name twice would make a right answer wrong.
        var alike = random.Chance(AlikePart);
        var (concepts, ground) = alike ? (random.Pick(_styles), random.Below(Colors.Named.Count)) : (_iconsOfConcepts, (int?)null);
        foreach (var icons in random.Choose(concepts, _plan.Batch))
        {
            var icon = random.Pick(icons);
            var (canvas, background) = _pictures.Random(icon, PictureRange.Recognition, ref random, ground);
            var (concept, style) = (_pictures.Pack.Concepts[_pictures.Pack.Icons[icon].Concept], _pictures.Pack.Icons[icon].Style);
            canvases.Add(canvas);
            captions.Add(Captions.Random(style, concept, background, TagProbability, ref random));
        }

        // Attention is causal and pooled at the end token: padding needs no mask.
        var texts = _clip.Text.Forward(_tokenizer.TokenizeBatch(captions, padding: TokenPadding.Longest).Ids()).TextEmbeds!;
        var images = _clip.Vision.Forward(ClipPixels.Default.Normalize(Canvas.ToTensor(canvases))).ImageEmbeds!;
        var logits = ClipSimilarity.Logits(
            ClipSimilarity.Normalize(texts), ClipSimilarity.Normalize(images), _clip.LogitScale.clamp(max: MostLogitScale));
        using (no_grad()) metrics["accuracy"] = logits.argmax(0).eq(arange(logits.shape[0])).to(ScalarType.Float32).mean().item<float>();
        return ClipSimilarity.ContrastiveLoss(logits).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate() =>
        _tests.SelectMany(t => t.Scores(_clip)).ToDictionary(s => s.Key, s => s.Value);

    /// <inheritdoc/>
    public void DrawSheet(string path)
    {
        // For each picture the five pictures whose names fit best, the first column is the picture itself.
        var images = _tests[0].Nearest(_clip, 12, 5);
        RgbImage.Grid(images, 6).Save(path);
    }

    /// <inheritdoc/>
    public void Export(string folder)
    {
        ModelWriter.Save(folder, "model.safetensors", ModelConfigs.Clip(_clip.Config), ModelWriter.Weights(_clip));
        ClipPixels.Default.Save(folder, _clip.Config.Vision.ImageSize);
        foreach (var file in Directory.EnumerateFiles(_tokenizerFolder)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
    }

    int[][] ByConcept(int[] icons) => [.. icons.GroupBy(i => _pictures.Pack.Icons[i].Concept).OrderBy(g => g.Key).Select(g => g.ToArray())];

    /// <inheritdoc/>
    public void Dispose()
    {
        _clip.Dispose();
        foreach (var test in _tests) test.Dispose();
    }
}
