using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>Draws one shape: an outline at a place, filled with a paint.</summary>
/// <param name="Outline">The outline.</param>
/// <param name="X">The middle, in pixels.</param>
/// <param name="Y">The middle, in pixels.</param>
/// <param name="Radius">Half of the longer side, in pixels.</param>
/// <param name="Squeeze">Height over width, beside the outline's own.</param>
/// <param name="Angle">Rotation in radians.</param>
/// <param name="Paint">The colour at a point of the outline's coordinates.</param>
/// <param name="Opacity">Above 0, to 1.</param>
sealed record ShapeBrush(
    ShapeOutline Outline, double X, double Y, double Radius, double Squeeze, double Angle, Func<double, double, Vector128<float>> Paint, double Opacity = 1)
{
    /// <summary>Draws it.</summary>
    /// <param name="canvas">Receives it.</param>
    /// <param name="coverage">Receives the position and the coverage of every pixel touched.</param>
    public void Draw(Canvas canvas, Action<int, float>? coverage = null)
    {
        var (cos, sin) = (Math.Cos(Angle), Math.Sin(Angle));
        var reach = (Radius * 1.25) + 1;
        int left = Math.Max(0, (int)(X - reach)), right = Math.Min(canvas.Width, (int)(X + reach) + 1);
        int top = Math.Max(0, (int)(Y - reach)), bottom = Math.Min(canvas.Height, (int)(Y + reach) + 1);
        for (var py = top; py < bottom; py++)
            for (var px = left; px < right; px++)
            {
                var (dx, dy) = ((px + 0.5 - X) / Radius, (py + 0.5 - Y) / Radius);
                var (u, v) = ((dx * cos) + (dy * sin), ((dy * cos) - (dx * sin)) / Squeeze);
                // The distance in pixels says how much of the pixel lies inside; squeezed shapes have shorter distances.
                var inside = 0.5 - (Outline.Distance(u, v) * Radius * Math.Min(1, Squeeze));
                if (inside <= 0) continue;
                var alpha = (float)(Math.Min(1, inside) * Opacity);
                var at = (py * canvas.Width) + px;
                canvas.Pixels[at] = (Paint(u, v) * alpha) + (canvas.Pixels[at] * (1 - alpha));
                coverage?.Invoke(at, alpha);
            }
    }
}
