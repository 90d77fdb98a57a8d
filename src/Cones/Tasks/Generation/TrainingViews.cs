using System.Security.Cryptography;
using System.Text;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>The training pictures as the autoencoder takes them: squares, mirrored and cropped as asked for.</summary>
/// <param name="Pixels">Each [1, 3, S, S] in [-1, 1].</param>
/// <param name="Masks">For each view [S, S] in [0, 1], or null.</param>
/// <param name="Captions">
/// For each view the template that its picture brings along (a text file of the picture's name, with <c>{}</c> for the
/// concept), or null.
/// </param>
/// <param name="Digest">SHA-256 of the files, 64 hexadecimal digits.</param>
public sealed record TrainingViews(IReadOnlyList<Tensor> Pixels, IReadOnlyList<Tensor?> Masks, IReadOnlyList<string?> Captions, string Digest)
{
    static readonly string[] s_extensions = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"];

    /// <summary>The pictures of a folder, in the order of their names; sub-folders are not searched.</summary>
    /// <exception cref="ConesException">The folder does not exist or holds no picture.</exception>
    public static IReadOnlyList<string> ListImages(string folder)
    {
        if (File.Exists(folder)) return [folder];
        if (!Directory.Exists(folder)) throw new ConesException($"{folder} does not exist: name a folder with a few pictures of the concept (--images)");
        string[] files = [.. Directory.EnumerateFiles(folder).Where(f => s_extensions.Contains(Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files : throw new ConesException($"{folder} holds no pictures: put some there ({string.Join(", ", s_extensions)})");
    }

    /// <summary>Loads the pictures.</summary>
    /// <param name="options">Pictures, masks, mirroring, crops, seed.</param>
    /// <param name="side">The side of the views in pixels.</param>
    /// <exception cref="ConesException">A picture or mask cannot be read; the message names it.</exception>
    public static TrainingViews Load(GenerationSearchOptions options, int side)
    {
        using var scope = NewDisposeScope();
        var processor = new VaeImageProcessor(1);
        var pixels = new List<Tensor>();
        var masks = new List<Tensor?>();
        var captions = new List<string?>();
        var digest = new StringBuilder();
        for (var i = 0; i < options.Images.Count; i++)
        {
            var image = RgbImage.Load(options.Images[i]);
            var mask = options.Masks is null ? null : LoadMask(options.Masks, options.Images[i], image);
            var caption = LoadCaption(options.Images[i]);
            digest.AppendLine(Hash(image.Pixels)).AppendLine(mask is null ? "" : Hash(mask.Pixels)).AppendLine(caption);
            foreach (var (x, y, size) in Squares(image, options.Crops, options.Search.Seed, i))
            {
                var square = image.Crop(x, y, size, size).Resize(side, side, ResampleFilter.Lanczos);
                var maskSquare = mask?.Crop(x, y, size, size).Resize(side, side, ResampleFilter.Box);
                Add(square, maskSquare, caption);
                if (options.Flip) Add(square.FlipHorizontal(), maskSquare?.FlipHorizontal(), caption);
            }
        }

        return new TrainingViews(
            [.. pixels.Select(p => p.MoveToOuterDisposeScope())],
            [.. masks.Select(m => m?.MoveToOuterDisposeScope())],
            captions,
            Hash(Encoding.UTF8.GetBytes(digest.ToString())));

        void Add(RgbImage view, RgbImage? mask, string? caption)
        {
            captions.Add(caption);
            pixels.Add(processor.Preprocess(view));
            masks.Add(mask?.ToTensor().select(2, 0).to(ScalarType.Float32).div(255)); // [S, S, 3] -> [S, S]
        }
    }

    // The largest square in the middle, then random squares of 70 to 100 % of it.
    static IEnumerable<(int X, int Y, int Size)> Squares(RgbImage image, int crops, long seed, int index)
    {
        var full = Math.Min(image.Width, image.Height);
        yield return ((image.Width - full) / 2, (image.Height - full) / 2, full);
        var random = new Random((int)SeedSequence.Derive(seed, "crops", index));
        for (var i = 0; i < crops; i++)
        {
            var size = Math.Max(1, (int)(full * (0.7 + (0.3 * random.NextDouble()))));
            yield return (random.Next(image.Width - size + 1), random.Next(image.Height - size + 1), size);
        }
    }

    static string? LoadCaption(string imagePath)
    {
        var path = Path.ChangeExtension(imagePath, ".txt");
        return File.Exists(path) ? PromptTemplates.FromFile(path)[0] : null;
    }

    static RgbImage LoadMask(string folder, string imagePath, RgbImage image)
    {
        var stem = Path.GetFileNameWithoutExtension(imagePath);
        var path = s_extensions.Select(e => Path.Combine(folder, stem + e)).FirstOrDefault(File.Exists)
            ?? throw new ConesException($"{folder} has no mask for {Path.GetFileName(imagePath)}: add {stem}.png (white: the concept), or leave --masks out");
        var mask = MaskImage.Load(path);
        if (mask.Width != image.Width || mask.Height != image.Height)
            throw new ConesException($"{path} has {mask.Width} x {mask.Height} pixels, its picture {image.Width} x {image.Height}: they must be alike");
        return mask.ToImage();
    }

    static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
