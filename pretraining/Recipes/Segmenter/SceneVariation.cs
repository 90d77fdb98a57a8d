using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>Makes scenes look like pictures that nobody drew: dark ones, pale ones, grey ones, on black ground.</summary>
static class SceneVariation
{
    const double BlackGround = 0.2;
    const double Grey = 0.3;
    const double Inverted = 0.2;
    const double Range = 0.6;
    const double Noise = 0.4;

    /// <summary>Changes a scene's picture in place; objects and masks stay.</summary>
    public static Scene Apply(Scene scene, ref CounterRandom random)
    {
        var pixels = scene.Picture.Pixels;
        if (random.Chance(BlackGround)) RemoveGround(scene);
        if (random.Chance(Grey)) Each(pixels, p => Vector128.Create((0.3f * p[0]) + (0.59f * p[1]) + (0.11f * p[2])));
        if (random.Chance(Inverted)) Each(pixels, p => Vector128<float>.One - p);
        if (random.Chance(Range))
        {
            // Half of them dark, as pictures of fluorescence are.
            var low = (float)(random.Chance(0.5) ? 0 : random.Next(0, 0.6));
            var high = (float)(low + random.Next(0.08, 1 - low));
            Each(pixels, p => Vector128.Create(low) + (p * (high - low)));
        }

        if (!random.Chance(Noise)) return scene;
        var deviation = random.Next(0, 0.04);
        for (var i = 0; i < pixels.Length; i++) pixels[i] = Clamp(pixels[i] + Vector128.Create((float)((random.Next() + random.Next() - 1) * deviation * 2.4)));
        return scene;
    }

    // What no object covers becomes black; what one covers by part is that part of itself.
    static void RemoveGround(Scene scene)
    {
        var pixels = scene.Picture.Pixels;
        for (var i = 0; i < pixels.Length; i++)
        {
            var covered = 0f;
            foreach (var thing in scene.Objects) covered += thing.Mask[i];
            pixels[i] *= Math.Min(covered, 1);
        }
    }

    static void Each(Vector128<float>[] pixels, Func<Vector128<float>, Vector128<float>> change)
    {
        for (var i = 0; i < pixels.Length; i++) pixels[i] = Clamp(change(pixels[i]));
    }

    static Vector128<float> Clamp(Vector128<float> p) => Vector128.Min(Vector128.Max(p, Vector128<float>.Zero), Vector128<float>.One);
}
