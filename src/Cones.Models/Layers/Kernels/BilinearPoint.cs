using System.Runtime.CompilerServices;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// A point between the pixels of a map, whose value is interpolated from the four around it. Pixels beyond the border are
/// zeros, as in <c>grid_sample</c> with zero padding.
/// </summary>
/// <remarks>The four are top left, top right, bottom left, bottom right; -1 stands for a pixel beyond the border.</remarks>
struct BilinearPoint
{
    public int TopLeft;
    public int TopRight;
    public int BottomLeft;
    public int BottomRight;

    /// <summary>How far the point lies below the upper pixels, [0, 1).</summary>
    public float Down;

    /// <summary>How far it lies right of the left pixels, [0, 1).</summary>
    public float Right;

    /// <summary>Finds the four pixels, as indices into rows of a map.</summary>
    /// <param name="y">The row; the first pixel's centre is at 0.</param>
    /// <param name="x">The column.</param>
    /// <param name="height">The map's rows.</param>
    /// <param name="width">The map's columns.</param>
    /// <returns>False where no pixel is near, or a coordinate is no number.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Locate(float y, float x, int height, int width)
    {
        if (!(y >= -1 && y < height && x >= -1 && x < width))
        {
            TopLeft = TopRight = BottomLeft = BottomRight = -1;
            Down = Right = 0;
            return false;
        }

        var (top, left) = ((int)MathF.Floor(y), (int)MathF.Floor(x));
        Down = y - top;
        Right = x - left;
        var first = (top * width) + left;
        var (hasTop, hasBottom, hasLeft, hasRight) = (top >= 0, top < height - 1, left >= 0, left < width - 1);
        TopLeft = hasTop && hasLeft ? first : -1;
        TopRight = hasTop && hasRight ? first + 1 : -1;
        BottomLeft = hasBottom && hasLeft ? first + width : -1;
        BottomRight = hasBottom && hasRight ? first + width + 1 : -1;
        return true;
    }

    /// <summary>The share of each pixel, times <paramref name="factor"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (float TopLeft, float TopRight, float BottomLeft, float BottomRight) Shares(float factor)
    {
        var (down, up) = (Down * factor, (1 - Down) * factor);
        return (up * (1 - Right), up * Right, down * (1 - Right), down * Right);
    }

    /// <summary>What follows for the point, given the products of a gradient with each of the four pixels.</summary>
    /// <returns>The product of the gradient with the value, and its derivatives by the point's row and column.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (float Value, float ByRow, float ByColumn) Derivatives(float topLeft, float topRight, float bottomLeft, float bottomRight)
    {
        var (top, bottom) = (topLeft + (Right * (topRight - topLeft)), bottomLeft + (Right * (bottomRight - bottomLeft)));
        var (left, right) = (topLeft + (Down * (bottomLeft - topLeft)), topRight + (Down * (bottomRight - topRight)));
        return (top + (Down * (bottom - top)), bottom - top, right - left);
    }
}
