using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Text;
using Cones.Models.Glip.Training;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Scenes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>A scene with a caption.</summary>
readonly record struct CaptionedScene(Scene Scene, IReadOnlyList<CaptionPhrase> Phrases);

/// <summary>Scenes of one size with captions, as the detector and its losses take them.</summary>
sealed class DetectorBatch : IDisposable
{
    /// <summary>Prepares scenes.</summary>
    public DetectorBatch(GlipConfig config, BertTokenizer tokenizer, IReadOnlyList<CaptionedScene> scenes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var size = new ImageSize(scenes[0].Scene.Picture.Height, scenes[0].Scene.Picture.Width);
        RgbImage[] images = [.. scenes.Select(s => new RgbImage(size.Width, size.Height, s.Scene.Picture.ToRgb()))];
        Pixels = new GlipImageProcessor(config.Input).Normalize(images, size).DetachFromDisposeScope();

        var captions = scenes.Select(s => GlipCaption.FromClasses([.. s.Phrases.Select(p => p.Phrase)], config.Separator)).ToArray();
        var batch = tokenizer.TokenizeBatch([.. captions.Select(c => c.Text)], config.MaxTokens);
        Tokens = [.. captions.Zip(batch.Texts, (caption, text) => caption.TokensIn(text))];
        Ids = batch.Ids().DetachFromDisposeScope();
        Mask = batch.AttentionMask().DetachFromDisposeScope();

        Phrases = [.. scenes.SelectMany((s, image) => s.Phrases.Select((p, place) => new PhraseOfImage(image, place, p.Phrase)))];
        Boxes = [.. scenes.SelectMany((s, image) => BoxesOf(s, image))];
        var anchors = GlipAnchors.Create(config.Anchors, size);
        var assigner = new AtssAssigner(config.Loss);
        Assignments = [.. scenes.Select((_, image) => assigner.Assign(anchors, Corners([.. Boxes.Where(b => b.Image == image).Select(b => b.Box)])))];
        PositiveMap = MakePositiveMap().DetachFromDisposeScope();
        PhraseTokens = MakePhraseTokens(scenes.Max(s => s.Phrases.Count)).DetachFromDisposeScope();
        Names = [.. scenes.SelectMany(s => s.Phrases.Select(p => p.Phrase)).Distinct()];
    }

    /// <summary>[B, 3, S, S].</summary>
    public Tensor Pixels { get; }

    /// <summary>[B, T], int64.</summary>
    public Tensor Ids { get; }

    /// <summary>[B, T], int64, 0 for padding.</summary>
    public Tensor Mask { get; }

    /// <summary>The tokens of each caption.</summary>
    public IReadOnlyList<GlipTokens> Tokens { get; }

    /// <summary>The phrases of all captions, image by image.</summary>
    public IReadOnlyList<PhraseOfImage> Phrases { get; }

    /// <summary>Different phrases of all captions.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The boxes that a phrase is true of, image by image.</summary>
    public IReadOnlyList<BoxOfImage> Boxes { get; }

    /// <summary>The anchors of each image's boxes.</summary>
    public IReadOnlyList<AtssAssignment> Assignments { get; }

    /// <summary>[boxes, T]: 1 for the tokens of every phrase that is true of a box.</summary>
    public Tensor PositiveMap { get; }

    /// <summary>[B, K, T]: rows that take the mean of a phrase's tokens; 0 beyond an image's phrases.</summary>
    public Tensor PhraseTokens { get; }

    /// <summary>Positive anchors of all images together, in the joined anchors of all images: (image · N + anchor, box).</summary>
    public IReadOnlyList<(long Anchor, int Box)> Positives()
    {
        var positives = new List<(long, int)>();
        var firstBox = 0;
        for (var image = 0; image < Assignments.Count; image++)
        {
            var assignment = Assignments[image];
            for (var i = 0; i < assignment.Positives; i++)
                positives.Add((((long)image * assignment.AnchorCount) + assignment.Anchors[i], firstBox + assignment.Boxes[i]));
            firstBox += assignment.BoxCount;
        }

        return positives;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[Pixels, Ids, Mask, PositiveMap, PhraseTokens]) tensor.Dispose();
    }

    static IEnumerable<BoxOfImage> BoxesOf(CaptionedScene scene, int image)
    {
        for (var i = 0; i < scene.Scene.Objects.Count; i++)
        {
            int[] places = [.. Enumerable.Range(0, scene.Phrases.Count).Where(p => scene.Phrases[p].Objects.Contains(i))];
            var found = scene.Scene.Objects[i];
            if (places.Length > 0 && found.Box.Width > 1 && found.Box.Height > 1) yield return new BoxOfImage(image, found.Box, places, found.Class);
        }
    }

    // Both corners belong to a box.
    static Tensor Corners(IReadOnlyList<SceneBox> boxes) =>
        tensor(boxes.SelectMany(b => (float[])[b.Left, b.Top, b.Right - 1, b.Bottom - 1]).ToArray(), [boxes.Count, 4]);

    Tensor MakePositiveMap()
    {
        var columns = (int)Ids.shape[1];
        var map = new float[Boxes.Count * columns];
        for (var row = 0; row < Boxes.Count; row++)
            foreach (var slot in Boxes[row].Phrases.SelectMany(p => Tokens[Boxes[row].Image].Classes[p]))
                map[(row * columns) + slot] = 1;
        return tensor(map, [Boxes.Count, columns]);
    }

    Tensor MakePhraseTokens(int phrases)
    {
        var columns = (int)Ids.shape[1];
        var map = new float[Tokens.Count * phrases * columns];
        for (var image = 0; image < Tokens.Count; image++)
            for (var place = 0; place < Tokens[image].Classes.Count; place++)
            {
                var slots = Tokens[image].Classes[place];
                foreach (var slot in slots) map[(((image * phrases) + place) * columns) + slot] = 1f / slots.Count;
            }

        return tensor(map, [Tokens.Count, phrases, columns]);
    }
}

/// <summary>A phrase at its place in an image's caption.</summary>
readonly record struct PhraseOfImage(int Image, int Place, string Phrase);

/// <summary>A box of an image, the places of the phrases that are true of it, and what it is.</summary>
readonly record struct BoxOfImage(int Image, SceneBox Box, IReadOnlyList<int> Phrases, SceneClass Class);
