namespace Cones.Models.Imaging;

/// <summary>The eight orientations of EXIF (tag 274): how the stored rows and columns are to be shown.</summary>
static class Orientation
{
    internal const int Upright = 1;
    internal const int MirrorHorizontal = 2;
    const int FirstTransposed = 5;

    /// <summary>The pixels as they are to be shown; of orientations 5 to 8 the result has width and height exchanged.</summary>
    internal static byte[] Apply(byte[] pixels, int width, int height, int channels, int orientation)
    {
        if (orientation is <= Upright or > 8) return pixels;

        // The source of the result's pixel (x, y) is start + x · stepX + y · stepY, in pixels.
        var (start, stepX, stepY) = orientation switch
        {
            2 => (width - 1, -1, width),
            3 => ((width * height) - 1, -1, -width),
            4 => (width * (height - 1), 1, -width),
            5 => (0, width, 1),
            6 => (width * (height - 1), -width, 1),
            7 => ((width * height) - 1, -width, -1),
            _ => (width - 1, width, -1),
        };
        var (resultWidth, resultHeight) = IsTransposed(orientation) ? (height, width) : (width, height);
        var result = new byte[pixels.Length];
        var to = 0;
        for (var y = 0; y < resultHeight; y++)
        {
            var from = (start + (y * stepY)) * channels;
            for (var x = 0; x < resultWidth; x++, from += stepX * channels)
                for (var c = 0; c < channels; c++)
                    result[to++] = pixels[from + c];
        }

        return result;
    }

    internal static bool IsTransposed(int orientation) => orientation is >= FirstTransposed and <= 8;
}
