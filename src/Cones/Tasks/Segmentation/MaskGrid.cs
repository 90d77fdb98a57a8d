using Cones.Models.Imaging;

namespace Cones.Tasks.Segmentation;

/// <summary>The grid on which a model predicts the masks of an image; the image lies in its upper left part, the rest is padding.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="ImageHeight">The rows that the image covers, at most <paramref name="Height"/>.</param>
/// <param name="ImageWidth">The columns that it covers.</param>
public readonly record struct MaskGrid(int Height, int Width, double ImageHeight, double ImageWidth)
{
    /// <summary>A grid that the image fills.</summary>
    public static MaskGrid Filled(int height, int width) => new(height, width, height, width);

    /// <summary>The grid of a padded input.</summary>
    /// <param name="side">Rows and columns.</param>
    /// <param name="padded">The size of the model's input.</param>
    /// <param name="reshaped">The image's size in it.</param>
    public static MaskGrid Padded(int side, ImageSize padded, ImageSize reshaped) =>
        new(side, side, (double)reshaped.Height * side / padded.Height, (double)reshaped.Width * side / padded.Width);
}
