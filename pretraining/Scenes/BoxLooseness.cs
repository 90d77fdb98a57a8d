namespace Cones.Pretraining.Scenes;

/// <summary>How far boxes stand off from what they show: people rarely draw them tight.</summary>
/// <param name="Part">The gap on every side, as a part of the box's side.</param>
/// <param name="Pixels">The gap beside that, in pixels.</param>
readonly record struct BoxLooseness(double Part, double Pixels)
{
    /// <summary>A box with the gap, within a picture.</summary>
    public SceneBox Around(SceneBox box, int width, int height)
    {
        var (dx, dy) = ((box.Width * Part) + Pixels, (box.Height * Part) + Pixels);
        return new SceneBox(
            (int)Math.Max(0, Math.Round(box.Left - dx)), (int)Math.Max(0, Math.Round(box.Top - dy)),
            (int)Math.Min(width, Math.Round(box.Right + dx)), (int)Math.Min(height, Math.Round(box.Bottom + dy)));
    }
}
