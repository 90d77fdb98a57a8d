using System.Text.Json;
using Cones.Models.Imaging;
using Cones.Visualization;
using SkiaSharp;

namespace Cones.Pretraining.Evaluation;

/// <summary>The curves of a run as a picture, a panel a group of metrics.</summary>
static class RunCurves
{
    const int Width = 560;
    const int Height = 300;
    const int Margin = 46;
    const float Text = 9;

    static readonly SKColor s_ink = new(60, 60, 60);
    static readonly SKColor s_grid = new(225, 225, 225);

    /// <summary>Draws a run.</summary>
    /// <param name="metrics">The run's <c>metrics.jsonl</c>.</param>
    /// <param name="panels">For each panel its title and the metrics in it.</param>
    public static RgbImage Draw(string metrics, IReadOnlyList<(string Title, IReadOnlyList<string> Names)> panels)
    {
        JsonElement[] lines = [.. File.ReadLines(metrics).Select(l => JsonDocument.Parse(l).RootElement)];
        var image = RgbImage.Filled(Width * panels.Count, Height, Rgb.White);
        SkiaCanvas.Draw(image, canvas =>
        {
            for (var i = 0; i < panels.Count; i++) DrawPanel(canvas, i * Width, panels[i].Title, [.. panels[i].Names.Select(n => (n, Points(lines, n)))]);
        });
        return image;
    }

    static SKPoint[] Points(JsonElement[] lines, string name) =>
    [
        .. lines.Where(l => l.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number)
            .Select(l => new SKPoint(l.GetProperty("step").GetSingle(), l.GetProperty(name).GetSingle())),
    ];

    static void DrawPanel(SKCanvas canvas, int left, string title, IReadOnlyList<(string Name, SKPoint[] Points)> curves)
    {
        var (first, last) = (left + Margin, left + Width - 12);
        var (top, bottom) = (34, Height - 26);
        var end = Math.Max(1, curves.SelectMany(c => c.Points).Select(p => p.X).DefaultIfEmpty().Max());
        var most = Nice(curves.SelectMany(c => c.Points).Select(p => p.Y).DefaultIfEmpty().Max());
        StrokeFont.Draw(canvas, title, first, 10, Text + 2, s_ink);
        using var paint = new SKPaint { IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = 1, Color = s_grid };
        const int parts = 4;
        for (var i = 0; i <= parts; i++)
        {
            var y = bottom - ((bottom - top) * i / (float)parts);
            canvas.DrawLine(first, y, last, y, paint);
            var label = $"{most * i / parts:G3}";
            StrokeFont.Draw(canvas, label, first - StrokeFont.Measure(label, Text) - 5, y - (Text / 2), Text, s_ink);
            var step = $"{end * i / parts:N0}";
            StrokeFont.Draw(canvas, step, first + ((last - first) * i / (float)parts) - (i == 0 ? 0 : StrokeFont.Measure(step, Text) * i / parts), bottom + 8, Text, s_ink);
        }

        var legend = (float)top + 4;
        for (var i = 0; i < curves.Count; i++)
        {
            var color = ClassColors.Of(i);
            (paint.Color, paint.StrokeWidth) = (new SKColor(color.R, color.G, color.B), 1.6f);
            SKPoint[] points = [.. curves[i].Points.Select(p => new SKPoint(first + ((last - first) * p.X / end), bottom - ((bottom - top) * Math.Clamp(p.Y / most, 0, 1))))];
            for (var p = 1; p < points.Length; p++) canvas.DrawLine(points[p - 1], points[p], paint);
            var name = curves[i].Name.Replace('_', ' ');
            var x = last - StrokeFont.Measure(name, Text) - 6;
            canvas.DrawLine(x - 22, legend + (Text / 2), x - 5, legend + (Text / 2), paint);
            StrokeFont.Draw(canvas, name, x, legend, Text, s_ink);
            legend += Text * 1.8f;
        }
    }

    // The next 1, 2 or 5 times a power of ten.
    static float Nice(float value)
    {
        if (!(value > 0)) return 1;
        var power = MathF.Pow(10, MathF.Floor(MathF.Log10(value)));
        return new[] { 1, 2, 5, 10 }.First(f => f * power >= value) * power;
    }
}
