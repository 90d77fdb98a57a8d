using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Vision;

/// <summary>Axial rotary positions of a square grid (<c>Sam3ViTRotaryEmbedding</c>): half of a head turns with x, the other with y.</summary>
/// <remarks>Neighbouring elements of a head are the real and imaginary part of one number, which a position multiplies by e^(i angle).</remarks>
static class Sam3Rotation
{
    /// <summary>The factors of a grid, complex [side · side, headDim / 2].</summary>
    /// <param name="side">The side of the grid.</param>
    /// <param name="scale">The distance of two tokens.</param>
    /// <param name="headDim">The width of a head, a multiple of 4.</param>
    /// <param name="theta">The base of the frequencies.</param>
    /// <param name="device">Where they are made.</param>
    public static Tensor Factors(long side, double scale, long headDim, double theta, Device device)
    {
        using var scope = NewDisposeScope();
        var frequencies = 1 / pow(theta, arange(0, headDim, 4, dtype: ScalarType.Float32, device: device) / headDim); // [headDim / 4]
        var places = arange(side, dtype: ScalarType.Float32, device: device) * scale; // [side]
        var angles = places.unsqueeze(1) * frequencies; // [side, headDim / 4]
        var horizontal = angles.unsqueeze(0).expand(side, -1, -1); // [y, x, headDim / 4]
        var vertical = angles.unsqueeze(1).expand(-1, side, -1);
        var all = cat([horizontal, vertical], dim: -1).flatten(0, 1); // [side side, headDim / 2]
        return polar(ones_like(all), all).MoveToOuterDisposeScope();
    }

    /// <summary>Turns [N, S, heads, headDim] by factors [S, headDim / 2]; in float32 whatever the type is.</summary>
    public static Tensor Apply(Tensor x, Tensor factors)
    {
        using var scope = NewDisposeScope();
        var pairs = x.to(ScalarType.Float32).view(x.shape[0], x.shape[1], x.shape[2], -1, 2).view_as_complex(); // [N, S, heads, headDim / 2]
        return (pairs * factors.unsqueeze(1)).view_as_real().view(x.shape).to(x.dtype).MoveToOuterDisposeScope();
    }
}
