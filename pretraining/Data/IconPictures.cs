namespace Cones.Pretraining.Data;

/// <summary>How far pictures of one icon differ.</summary>
/// <param name="LeastScale">The smallest size, as a part of the picture's side.</param>
/// <param name="MostScale">The largest size.</param>
/// <param name="Shift">How far the icon lies off the middle, as a part of the side.</param>
/// <param name="Mirror">The probability of a mirror image.</param>
/// <param name="NamedBackground">The probability of a plain background with a name (half of them white); else any colour or transition.</param>
sealed record PictureRange(double LeastScale, double MostScale, double Shift, double Mirror, double NamedBackground)
{
    /// <summary>What generation is trained with: little movement, plain backgrounds.</summary>
    public static readonly PictureRange Generation = new(0.78, 0.96, 0.04, 0, 1);

    /// <summary>What encoders are trained with: as much variety as an icon bears.</summary>
    public static readonly PictureRange Recognition = new(0.6, 1.02, 0.1, 0.3, 0.7);

    /// <summary>What the autoencoder is trained with.</summary>
    public static readonly PictureRange Compression = new(0.55, 1.4, 0.15, 0.5, 0.5);
}

/// <summary>Makes pictures of single icons on backgrounds.</summary>
sealed class IconPictures(IconPack pack, int side)
{
    /// <summary>The drawings.</summary>
    public IconPack Pack { get; } = pack;

    /// <summary>A random picture of an icon.</summary>
    /// <param name="icon">The icon.</param>
    /// <param name="range">How far pictures differ.</param>
    /// <param name="random">Decides.</param>
    /// <param name="ground">The named background, by its position; null for any.</param>
    /// <returns>The picture, and the background's name where it has one.</returns>
    public (Canvas Picture, string? Background) Random(int icon, PictureRange range, ref CounterRandom random, int? ground = null)
    {
        var canvas = new Canvas(side, side);
        string? background = null;
        if (ground is not null || random.Chance(range.NamedBackground))
        {
            var named = ground is { } given ? Colors.Named[given] : random.Chance(0.4) ? Colors.Named[0] : random.Pick(Colors.Named);
            background = named.Name;
            canvas.Fill(named.Name == "white" ? named.Color : Colors.Near(named.Color, 0.03, ref random));
        }
        else if (random.Chance(0.5))
        {
            canvas.Fill(Colors.Any(ref random));
        }
        else
        {
            canvas.Gradient(Colors.Any(ref random), Colors.Any(ref random), random.Next(-1, 1), random.Next(-1, 1));
        }

        var place = Placement.Centered(
            side, random.Next(range.LeastScale, range.MostScale), random.Next(-range.Shift, range.Shift), random.Next(-range.Shift, range.Shift), random.Chance(range.Mirror));
        IconPainter.Draw(canvas, Pack.Pixels(icon), place);
        return (canvas, background);
    }

    /// <summary>The picture that evaluations use: in the middle, at 88 % of the side, on a named colour.</summary>
    public Canvas Standard(int icon, int background)
    {
        var canvas = new Canvas(side, side);
        canvas.Fill(Colors.Named[background].Color);
        IconPainter.Draw(canvas, Pack.Pixels(icon), Placement.Centered(side, 0.88));
        return canvas;
    }
}
