using System.Security.Cryptography;
using System.Text;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>One training picture as the autoencoder takes it, or a part of it, or its mirror image.</summary>
/// <param name="Source">The picture's file.</param>
/// <param name="Pixels">[1, 3, S, S] in [-1, 1].</param>
/// <param name="Mask">[S, S] in [0, 1], or null.</param>
/// <param name="Caption">
/// The template that the picture brings along (a text file of its name, with <c>{}</c> for the concept), or null.
/// </param>
public sealed record TrainingView(string Source, Tensor Pixels, Tensor? Mask, string? Caption) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Pixels.Dispose();
        Mask?.Dispose();
    }
}

/// <summary>The training pictures as the autoencoder takes them: squares, mirrored and cropped as asked for.</summary>
/// <param name="Pixels">Each [1, 3, S, S] in [-1, 1].</param>
/// <param name="Masks">For each view [S, S] in [0, 1], or null.</param>
/// <param name="Captions">For each view the template of its picture, or null.</param>
/// <param name="Digest">SHA-256 of the pictures, masks and captions, 64 hexadecimal digits.</param>
public sealed record TrainingViews(IReadOnlyList<Tensor> Pixels, IReadOnlyList<Tensor?> Masks, IReadOnlyList<string?> Captions, string Digest)
{
    static readonly string[] s_extensions = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"];

    /// <summary>The pictures of a folder, in the order of their names; sub-folders are not searched.</summary>
    /// <exception cref="ConesException">The folder does not exist or holds no picture.</exception>
    public static IReadOnlyList<string> ListImages(string folder)
    {
        if (File.Exists(folder)) return [folder];
        if (!Directory.Exists(folder)) throw new ConesException($"{folder} does not exist: name a folder with a few pictures of the concept (--images)");
        try
        {
            string[] files = [.. Directory.EnumerateFiles(folder).Where(f => s_extensions.Contains(Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal)];
            return files.Length > 0 ? files : throw new ConesException($"{folder} holds no pictures: put some there ({string.Join(", ", s_extensions)})");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{folder} may not be read: change its permissions", e);
        }
    }

    /// <summary>Loads all views at once.</summary>
    /// <param name="options">Pictures, masks, mirroring, crops, seed.</param>
    /// <param name="side">The side of the views in pixels.</param>
    /// <exception cref="ConesException">A picture or mask cannot be read; the message names it.</exception>
    public static TrainingViews Load(GenerationSearchOptions options, int side)
    {
        var digest = "";
        TrainingView[] views = [.. Read(options, side, d => digest = d)];
        return new TrainingViews([.. views.Select(v => v.Pixels)], [.. views.Select(v => v.Mask)], [.. views.Select(v => v.Caption)], digest);
    }

    /// <summary>The number of views.</summary>
    public static int CountOf(GenerationSearchOptions options) => options.Images.Count * (1 + options.Crops) * (options.Flip ? 2 : 1);

    /// <summary>Reads view by view, each to be disposed of by the caller: only one picture is in memory at a time.</summary>
    /// <inheritdoc cref="Load"/>
    /// <param name="options">Pictures, masks, mirroring, crops, seed.</param>
    /// <param name="side">The side of the views in pixels.</param>
    /// <param name="onDigest">Told the digest after the last view.</param>
    public static IEnumerable<TrainingView> Read(GenerationSearchOptions options, int side, Action<string> onDigest)
    {
        var digest = new StringBuilder();
        for (var i = 0; i < options.Images.Count; i++)
        {
            var path = options.Images[i];
            var image = RgbImage.Load(path);
            var mask = options.Masks is null ? null : LoadMask(options.Masks, path, image);
            var caption = LoadCaption(path);
            digest.AppendLine(Hash(image.Pixels)).AppendLine(mask is null ? "" : Hash(mask.Pixels)).AppendLine(caption);
            foreach (var (x, y, size) in Squares(image, options.Crops, options.Search.Seed, i))
            {
                var square = image.Crop(x, y, size, size).Resize(side, side, ResampleFilter.Lanczos);
                var maskSquare = mask?.Crop(x, y, size, size).Resize(side, side, ResampleFilter.Box);
                yield return View(path, square, maskSquare, caption);
                if (options.Flip) yield return View(path, square.FlipHorizontal(), maskSquare?.FlipHorizontal(), caption);
            }
        }

        onDigest(Hash(Encoding.UTF8.GetBytes(digest.ToString())));
    }

    static TrainingView View(string path, RgbImage view, RgbImage? mask, string? caption)
    {
        using var scope = NewDisposeScope();
        return new TrainingView(
            path,
            new VaeImageProcessor(1).Preprocess(view).MoveToOuterDisposeScope(),
            mask?.ToTensor().select(2, 0).to(ScalarType.Float32).div(255).MoveToOuterDisposeScope(), // [S, S, 3] -> [S, S]
            caption);
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

    /// <summary>The caption beside a picture, or null.</summary>
    internal static string? LoadCaption(string imagePath)
    {
        var path = Path.ChangeExtension(imagePath, ".txt");
        return File.Exists(path) ? PromptTemplates.FromFile(path)[0] : null;
    }

    /// <summary>The file of a picture's mask.</summary>
    /// <exception cref="ConesException">There is none.</exception>
    internal static string MaskOf(string folder, string imagePath)
    {
        if (!Directory.Exists(folder)) throw new ConesException($"{folder} does not exist: name the folder of the masks (--masks), or leave --masks out");
        var stem = Path.GetFileNameWithoutExtension(imagePath);
        return s_extensions.Select(e => Path.Combine(folder, stem + e)).FirstOrDefault(File.Exists)
            ?? throw new ConesException($"{folder} has no mask for {Path.GetFileName(imagePath)}: add {stem}.png (white: the concept), or leave --masks out");
    }

    static RgbImage LoadMask(string folder, string imagePath, RgbImage image)
    {
        var path = MaskOf(folder, imagePath);
        var mask = MaskImage.Load(path);
        if (mask.Width != image.Width || mask.Height != image.Height)
            throw new ConesException($"{path} has {mask.Width} x {mask.Height} pixels, its picture {image.Width} x {image.Height}: they must be alike");
        return mask.ToImage();
    }

    static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
