using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>What lies behind the objects.</summary>
static class Backgrounds
{
    /// <summary>Paints a plain, changing or softly noisy background; hard ones have patterns and strong noise too.</summary>
    public static void Paint(Canvas canvas, bool hard, ref CounterRandom random)
    {
        var color = Pale(ref random);
        switch (random.Next())
        {
            case < 0.35: canvas.Fill(color); break;
            case < 0.6: canvas.Gradient(color, Pale(ref random), random.Next(-1, 1), random.Next(-1, 1)); break;
            default: canvas.Fill(color); Noise(canvas, random.Next(0.04, hard ? 0.35 : 0.12), random.Next(6, 40), ref random); break;
        }

        if (hard && random.Chance(0.3)) Lines(canvas, ref random);
        if (hard && random.Chance(0.3)) Noise(canvas, random.Next(0.02, 0.1), 2, ref random);
    }

    /// <summary>Adds smooth noise: random values on a grid of <paramref name="cell"/> pixels, blended between.</summary>
    public static void Noise(Canvas canvas, double amplitude, double cell, ref CounterRandom random)
    {
        int columns = (int)(canvas.Width / cell) + 2, rows = (int)(canvas.Height / cell) + 2;
        var grid = new Vector128<float>[columns * rows];
        var colored = random.Chance(0.5);
        for (var i = 0; i < grid.Length; i++)
        {
            var gray = (float)random.Next(-amplitude, amplitude);
            grid[i] = colored
                ? Vector128.Create((float)random.Next(-amplitude, amplitude), (float)random.Next(-amplitude, amplitude), gray, 0)
                : Vector128.Create(gray, gray, gray, 0);
        }

        for (var y = 0; y < canvas.Height; y++)
            for (var x = 0; x < canvas.Width; x++)
            {
                var (gx, gy) = (x / cell, y / cell);
                var (ix, iy) = ((int)gx, (int)gy);
                var (fx, fy) = ((float)(gx - ix), (float)(gy - iy));
                var at = (iy * columns) + ix;
                var above = grid[at] + ((grid[at + 1] - grid[at]) * fx);
                var below = grid[at + columns] + ((grid[at + columns + 1] - grid[at + columns]) * fx);
                var value = canvas.Pixels[(y * canvas.Width) + x] + above + ((below - above) * fy);
                canvas.Pixels[(y * canvas.Width) + x] = Vector128.Min(Vector128.Max(value, Vector128<float>.Zero), Vector128<float>.One);
            }
    }

    static void Lines(Canvas canvas, ref CounterRandom random)
    {
        var (angle, period, strength) = (random.Next(0, Math.PI), random.Next(5, 24), (float)random.Next(0.03, 0.18));
        var (cos, sin) = (Math.Cos(angle) / period, Math.Sin(angle) / period);
        for (var y = 0; y < canvas.Height; y++)
            for (var x = 0; x < canvas.Width; x++)
            {
                var position = (x * cos) + (y * sin);
                if (position - Math.Floor(position) < 0.5) canvas.Pixels[(y * canvas.Width) + x] *= 1 - strength;
            }
    }

    // Mostly pale, sometimes strong: objects of every colour must stand out somewhere.
    static Vector128<float> Pale(ref CounterRandom random) => random.Chance(0.75)
        ? SceneWords.Hsv(random.Next(0, 360), random.Next(0, 0.3), random.Next(0.8, 1))
        : SceneWords.Hsv(random.Next(0, 360), random.Next(0, 0.7), random.Next(0.1, 0.9));
}
