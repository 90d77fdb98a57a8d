using Cones.Models.Clip;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Clip;

/// <summary>How often the right one of (at most) 100 names is the first, or among the first five, for pictures of the concepts.</summary>
sealed class RetrievalTest : IDisposable
{
    const int Names = 100;

    // Two independent drawings of every concept; the first style may be missing for none, the second falls back to it.
    static readonly string[] s_styles = ["twemoji", "fluent-3d"];

    readonly string _name;
    readonly Tensor _pixels;
    readonly Tensor _owners;
    readonly Tensor _ids;

    /// <summary>The test of evenly spaced concepts among those that <paramref name="where"/> chooses.</summary>
    public RetrievalTest(string name, IconPictures pictures, ClipTokenizer tokenizer, Func<EmojiConcept, bool> where)
    {
        _name = name;
        var pack = pictures.Pack;
        var all = Enumerable.Range(0, pack.Concepts.Count).Where(c => where(pack.Concepts[c])).ToArray();
        var count = Math.Min(Names, all.Length);
        int[] concepts = [.. Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Length / count)])];
        var canvases = new List<Canvas>();
        var owners = new List<long>();
        foreach (var style in s_styles)
            for (var i = 0; i < count; i++)
            {
                var icons = pack.Select((c, s) => ReferenceEquals(c, pack.Concepts[concepts[i]]) && (s == style || style == s_styles[1]));
                if (icons.Length == 0) continue;
                canvases.Add(pictures.Standard(icons.FirstOrDefault(k => pack.Icons[k].Style == style, icons[^1]), i % Colors.Named.Count));
                owners.Add(i);
            }

        using var pixels = Canvas.ToTensor(canvases);
        _pixels = ClipPixels.Default.Normalize(pixels).DetachFromDisposeScope();
        _owners = tensor(owners.ToArray()).DetachFromDisposeScope();
        _ids = tokenizer.TokenizeBatch([.. concepts.Select(c => Captions.Plain(pack.Concepts[c].Name))]).Ids().DetachFromDisposeScope();
    }

    /// <summary>R@1 and R@5 of pictures to names.</summary>
    public IReadOnlyDictionary<string, double> Scores(ClipModel clip)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var best = Similarities(clip).topk((int)Math.Min(5, _ids.shape[0]), 1).indexes; // [M, 5]
        var hits = best.eq(_owners.unsqueeze(1)).to(ScalarType.Float32);
        return new Dictionary<string, double>
        {
            [$"{_name}_r1"] = hits.select(1, 0).mean().item<float>(),
            [$"{_name}_r5"] = hits.sum(1).mean().item<float>(),
        };
    }

    /// <summary>For some of the pictures: the picture, and pictures of the concepts whose names fit it best.</summary>
    public IReadOnlyList<RgbImage> Nearest(ClipModel clip, int rows, int columns)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var best = Similarities(clip).topk((int)Math.Min(columns, _ids.shape[0]), 1).indexes;
        var shown = Sheets.ToImages((_pixels - _pixels.amin([2, 3], true)) / (_pixels.amax([2, 3], true) - _pixels.amin([2, 3], true)) * 2 - 1);
        return [.. Enumerable.Range(0, rows).Select(r => (int)((long)r * shown.Count / rows)).SelectMany(r => (RgbImage[])[shown[r], .. best[r].data<long>().Select(c => shown[(int)c])])];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pixels.Dispose();
        _owners.Dispose();
        _ids.Dispose();
    }

    Tensor Similarities(ClipModel clip)
    {
        var images = cat([.. _pixels.split(50).Select(p => clip.Vision.Forward(p).ImageEmbeds!)], 0);
        return clip.Compare(images, clip.Text.Forward(_ids).TextEmbeds!).LogitsPerImage; // [M, N]
    }
}
