using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>Writes the elements of a tensor as files hold them: row by row, little-endian.</summary>
static class TensorBytes
{
    const long Piece = 1L << 28;

    public static void Write(Tensor tensor, Stream stream)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var plain = tensor.detach().cpu();

        // A complex tensor has no span of bytes; its real view has the same ones.
        if (plain.dtype is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64) plain = plain.view_as_real();
        var flat = plain.contiguous().view(-1);
        var step = Piece / flat.ElementSize;
        for (long start = 0; start < flat.shape[0]; start += step)
            stream.Write(flat.narrow(0, start, Math.Min(step, flat.shape[0] - start)).bytes);
    }
}
