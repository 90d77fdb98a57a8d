using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Vision;

/// <summary>Sine embeddings of places in the image, of boxes and of places in the text.</summary>
static class SinePositions
{
    const double TextAndQueryTemperature = 10000;
    const double Eps = 1e-6;

    /// <summary>Places in images of different sizes (<c>GroundingDinoSinePositionEmbedding</c>).</summary>
    /// <param name="valid">[B, H, W], bool: true inside the image. Rows and columns are counted in it, and scaled to 2 pi.</param>
    /// <param name="dim">The channels D; half of them for rows, half for columns.</param>
    /// <param name="temperature">The base of the wavelengths.</param>
    /// <returns>[B, H, W, D], float32.</returns>
    public static Tensor OfImage(Tensor valid, long dim, double temperature)
    {
        using var scope = NewDisposeScope();
        var rows = valid.cumsum(1, ScalarType.Float32); // [B, H, W]
        var columns = valid.cumsum(2, ScalarType.Float32);
        rows = rows / (rows.narrow(1, -1, 1) + Eps) * (2 * Math.PI);
        columns = columns / (columns.narrow(2, -1, 1) + Eps) * (2 * Math.PI);
        var wavelengths = Wavelengths(dim / 2, temperature, valid.device);
        return cat([Waves(rows, wavelengths), Waves(columns, wavelengths)], -1).MoveToOuterDisposeScope();
    }

    /// <summary>Places in a text.</summary>
    /// <param name="positionIds">[B, T].</param>
    /// <param name="dim">The channels D.</param>
    /// <returns>[B, T, D], float32.</returns>
    public static Tensor OfText(Tensor positionIds, long dim)
    {
        using var scope = NewDisposeScope();
        var scaled = positionIds.to(ScalarType.Float32) * (2 * Math.PI);
        return Waves(scaled, Wavelengths(dim, TextAndQueryTemperature, positionIds.device)).MoveToOuterDisposeScope();
    }

    /// <summary>Boxes, or points (<c>get_sine_pos_embed</c> with exchanged x and y).</summary>
    /// <param name="references">[B, Q, 4] (x, y, w, h) or [B, Q, 2] (x, y), in 0..1.</param>
    /// <param name="dim">The channels of each number.</param>
    /// <returns>[B, Q, 4 dim] or [B, Q, 2 dim] in the order y, x, w, h; float32.</returns>
    public static Tensor OfQueries(Tensor references, long dim)
    {
        using var scope = NewDisposeScope();
        long[] order = references.shape[^1] == 4 ? [1, 0, 2, 3] : [1, 0];
        var exchanged = references.index_select(-1, tensor(order, device: references.device)) * (2 * Math.PI);
        var waves = Waves(exchanged, Wavelengths(dim, TextAndQueryTemperature, references.device)); // [B, Q, 4, dim]
        return waves.flatten(-2).MoveToOuterDisposeScope();
    }

    // Channels come in pairs of one wavelength.
    static Tensor Wavelengths(long dim, double temperature, Device device)
    {
        var exponents = 2 * arange(dim, ScalarType.Float32, device).div(2, RoundingMode.floor) / dim;
        return pow(tensor((float)temperature, device: device), exponents);
    }

    // [...] -> [..., dim]: the sine in even channels, the cosine in odd ones.
    static Tensor Waves(Tensor scaled, Tensor wavelengths)
    {
        var angles = scaled.unsqueeze(-1) / wavelengths;
        var last = angles.dim() - 1;
        return stack([angles.slice(last, 0, angles.shape[last], 2).sin(), angles.slice(last, 1, angles.shape[last], 2).cos()], last + 1).flatten(last);
    }
}
