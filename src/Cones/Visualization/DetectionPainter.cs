using System.Globalization;
using Cones.Data;
using Cones.Models.Imaging;
using SkiaSharp;

namespace Cones.Visualization;

/// <summary>Draws boxes, masks, labels and scores on an image.</summary>
public static class DetectionPainter
{
    // Thickness of lines, relative to the mean of the sides, as common tools draw them.
    const double RelativeLineWidth = 0.003;
    const double RelativeTextHeight = 0.019;
    const float SmallestTextHeight = 9;

    /// <summary>The image with objects on it; the given one is left as it is.</summary>
    /// <param name="image">The image.</param>
    /// <param name="objects">The objects, in any order.</param>
    /// <param name="options">How they are drawn; null takes the defaults.</param>
    /// <returns>An image of the same size, or a whole multiple of it (<see cref="PaintOptions.MinimumSide"/>).</returns>
    /// <exception cref="ArgumentException">A mask has another size than the image, or a number is not finite.</exception>
    public static RgbImage Draw(RgbImage image, IReadOnlyList<PaintedObject> objects, PaintOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(objects);
        options ??= new PaintOptions();
        RequireFit(image, objects);
        var factor = Math.Max(1, (int)Math.Ceiling((double)options.MinimumSide / Math.Max(image.Width, image.Height)));
        var canvas = factor == 1
            ? new RgbImage(image.Width, image.Height, [.. image.Pixels])
            : image.Resize(image.Width * factor, image.Height * factor);
        var side = (canvas.Width + canvas.Height) / 2.0;
        var line = options.LineWidth ?? (float)Math.Max(1.5, side * RelativeLineWidth);
        var text = options.TextHeight ?? Math.Max(SmallestTextHeight, (float)(side * RelativeTextHeight));

        // The surest last, on top.
        var order = Enumerable.Range(0, objects.Count).OrderBy(i => objects[i].Score ?? double.PositiveInfinity).ThenByDescending(i => i).ToArray();
        var colors = objects.Select((o, i) => ClassColors.Of(options.ColorByInstance ? i : o.Category)).ToArray();
        foreach (var i in order)
            if (objects[i].Mask is { } mask) MaskPainter.Draw(canvas, mask, factor, colors[i], options.MaskOpacity, line);
        SkiaCanvas.Draw(canvas, skia =>
        {
            foreach (var i in order)
                if (objects[i].Box is { } box) DrawBox(skia, box, factor, colors[i], line, objects[i].Dashed);
            if (options.Labels) DrawLabels(skia, canvas, objects, order, colors, factor, text);
        });
        return canvas;
    }

    /// <summary>An image of a data set with its objects.</summary>
    /// <param name="dataset">The data set, for the classes.</param>
    /// <param name="image">The image.</param>
    /// <param name="pixels">Its pixels, <see cref="DatasetImage.Load"/>.</param>
    /// <param name="options">How they are drawn; null takes the defaults.</param>
    public static RgbImage Draw(DetectionDataset dataset, DatasetImage image, RgbImage pixels, PaintOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(image);
        return Draw(
            pixels,
            [
                .. image.Annotations.Where(a => dataset.CategoryIndex(a.CategoryId) >= 0).Select(a => new PaintedObject
                {
                    Box = a.Box,
                    Mask = a.Segmentation?.ToMask(image.Height, image.Width),
                    Category = dataset.CategoryIndex(a.CategoryId),
                    Label = dataset.Categories[dataset.CategoryIndex(a.CategoryId)].Name,
                    Dashed = a.IsCrowd,
                }),
            ],
            options);
    }

    static void RequireFit(RgbImage image, IReadOnlyList<PaintedObject> objects)
    {
        foreach (var item in objects)
        {
            if (item.Box is { IsFinite: false } box) throw new ArgumentException($"the box {box} cannot be drawn", nameof(objects));
            if (item.Score is { } score && double.IsNaN(score)) throw new ArgumentException("a score is NaN", nameof(objects));
            if (item.Mask is { } mask && (mask.Width != image.Width || mask.Height != image.Height))
                throw new ArgumentException($"a mask is {mask.Width}x{mask.Height}, the image {image.Width}x{image.Height}", nameof(objects));
        }
    }

    static void DrawBox(SKCanvas canvas, BoundingBox box, int factor, Rgb color, float line, bool dashed)
    {
        using var effect = dashed ? SKPathEffect.CreateDash([4 * line, 3 * line], 0) : null;
        using var paint = new SKPaint
        {
            Color = new SKColor(color.R, color.G, color.B),
            IsAntialias = true,
            IsStroke = true,
            StrokeWidth = line,
            PathEffect = effect,
        };
        canvas.DrawRect(Rectangle(box, factor), paint);
    }

    // The surest choose their places first.
    static void DrawLabels(SKCanvas skia, RgbImage canvas, IReadOnlyList<PaintedObject> objects, int[] order, Rgb[] colors, int factor, float text)
    {
        var layout = new LabelLayout(canvas.Width, canvas.Height);
        var places = new List<(int Object, string Label, SKRect Place)>();
        foreach (var i in order.Reverse())
        {
            if (LabelOf(objects[i]) is not { } label || (objects[i].Box ?? objects[i].Mask?.Box) is not { HasExtent: true } box) continue;
            var size = new SKSize(StrokeFont.Measure(label, text) + text, text * (1 + (StrokeFont.Descent / StrokeFont.CapHeight)) + (0.6f * text));
            places.Add((i, label, layout.Place(Rectangle(box, factor), size)));
        }

        for (var i = places.Count - 1; i >= 0; i--)
        {
            var (item, label, place) = places[i];
            using var paint = new SKPaint { Color = new SKColor(colors[item].R, colors[item].G, colors[item].B), IsAntialias = true };
            skia.DrawRect(place, paint);
            var color = ClassColors.TextOn(colors[item]);
            StrokeFont.Draw(skia, label, place.Left + (text / 2), place.Top + (0.45f * text), text, new SKColor(color.R, color.G, color.B));
        }
    }

    static string? LabelOf(PaintedObject item) => (item.Label, item.Score) switch
    {
        (null or "", null) => null,
        (null or "", { } score) => score.ToString("0.00", CultureInfo.InvariantCulture),
        ({ } label, null) => label,
        ({ } label, { } score) => string.Create(CultureInfo.InvariantCulture, $"{label} {score:0.00}"),
    };

    static SKRect Rectangle(BoundingBox box, int factor) =>
        new((float)(box.X * factor), (float)(box.Y * factor), (float)(box.Right * factor), (float)(box.Bottom * factor));
}
