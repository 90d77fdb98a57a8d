using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Imaging;

/// <summary>Bytes to tensors and back.</summary>
static class ByteTensors
{
    internal static Tensor Create(byte[] values, params ReadOnlySpan<long> shape)
    {
        var tensor = empty(shape.ToArray(), dtype: ScalarType.Byte);
        values.CopyTo(tensor.bytes);
        return tensor;
    }

    internal static byte[] Read(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().cpu().contiguous().bytes.ToArray();
    }
}
