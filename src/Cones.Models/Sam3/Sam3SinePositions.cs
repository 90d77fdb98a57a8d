using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3;

/// <summary>Sine encodings of places (<c>Sam3SinePositionEmbedding</c>; DETR): a sine and a cosine of each of several frequencies, in turn.</summary>
static class Sam3SinePositions
{
    const double Temperature = 10000;
    const double Turn = 2 * Math.PI;

    /// <summary>Maps numbers in 0..1, [...], to [..., features].</summary>
    public static Tensor Encode(Tensor places, long features)
    {
        using var scope = NewDisposeScope();
        var exponents = arange(features / 2, dtype: ScalarType.Float32, device: places.device) * (2.0 / features);
        var angles = (places.to(ScalarType.Float32) * Turn).unsqueeze(-1) / pow(Temperature, exponents); // [..., features / 2]
        return stack([angles.sin(), angles.cos()], dim: -1).flatten(-2).MoveToOuterDisposeScope(); // [..., features]
    }

    /// <summary>The encoding of a map's pixels, half of it for the row and half for the column, [1, height · width, channels].</summary>
    public static Tensor Grid(long height, long width, long channels, Device device)
    {
        using var scope = NewDisposeScope();
        var rows = Axis(height, channels / 2, device).unsqueeze(1).expand(-1, width, -1); // [height, width, channels / 2]
        var columns = Axis(width, channels / 2, device).unsqueeze(0).expand(height, -1, -1);
        return cat([rows, columns], dim: -1).flatten(0, 1).unsqueeze(0).MoveToOuterDisposeScope();
    }

    // Counted from 1 and divided by the last.
    static Tensor Axis(long length, long features, Device device) =>
        Encode(arange(1, length + 1, dtype: ScalarType.Float32, device: device) / (length + 1e-6), features);
}
