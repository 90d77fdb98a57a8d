using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>Copies bytes of a stored tensor.</summary>
/// <param name="offset">The first byte, counted from the tensor's first.</param>
/// <param name="target">Filled completely.</param>
delegate void CopyBytes(long offset, Span<byte> target);

/// <summary>Makes tensors from the bytes that a file holds.</summary>
static class TensorDecoder
{
    // Tensor.bytes is a span: larger tensors are filled piece by piece.
    const long Piece = 1L << 30;

    /// <summary>A new contiguous tensor on the CPU, in the caller's dispose scope.</summary>
    /// <param name="info">Type and shape; the caller has checked that the bytes exist.</param>
    /// <param name="copy">Where the bytes come from.</param>
    /// <param name="type">The type to convert to, or null; see <see cref="ICheckpoint.Read"/>.</param>
    /// <param name="what">The tensor's name for messages.</param>
    public static Tensor Decode(TensorInfo info, CopyBytes copy, ScalarType? type, string what)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var result = Stored(info, copy, type, what);
        if (type is { } wanted && result.dtype != wanted)
        {
            if (info.Type is DType.C64 or DType.C128)
                throw new ConesException($"{what} holds complex numbers where {wanted} is needed: it belongs to another kind of model");
            result = result.to(wanted);
        }

        return result.MoveToOuterDisposeScope();
    }

    static Tensor Stored(TensorInfo info, CopyBytes copy, ScalarType? type, string what)
    {
        long[] shape = [.. info.Shape];
        switch (info.Type)
        {
            case DType.Bool:
                // Any other byte than 0 and 1 in a bool tensor is undefined behaviour in LibTorch.
                return Raw(shape, ScalarType.Byte, copy).ne(0);
            case DType.U8: return Raw(shape, ScalarType.Byte, copy);
            case DType.I8: return Raw(shape, ScalarType.Int8, copy);
            case DType.I16: return Raw(shape, ScalarType.Int16, copy);
            case DType.I32: return Raw(shape, ScalarType.Int32, copy);
            case DType.I64: return Raw(shape, ScalarType.Int64, copy);
            case DType.F16: return Raw(shape, ScalarType.Float16, copy);
            case DType.BF16: return Raw(shape, ScalarType.BFloat16, copy);
            case DType.F32: return Raw(shape, ScalarType.Float32, copy);
            case DType.F64: return Raw(shape, ScalarType.Float64, copy);
            case DType.U16: return Raw(shape, ScalarType.Int16, copy).to(ScalarType.Int32).bitwise_and(0xFFFF);
            case DType.U32: return Raw(shape, ScalarType.Int32, copy).to(ScalarType.Int64).bitwise_and(0xFFFF_FFFFL);
            case DType.U64:
                var bits = Raw(shape, ScalarType.Int64, copy);
                if (type is not (ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16)) return bits;
                return bits.to(ScalarType.Float64) + (bits.lt(0).to(ScalarType.Float64) * Math.Pow(2, 64));
            case DType.C64: return Raw([.. shape, 2], ScalarType.Float32, copy).view_as_complex();
            case DType.C128: return Raw([.. shape, 2], ScalarType.Float64, copy).view_as_complex();
            case DType.F8E5M2 or DType.F8E4M3 or DType.F8E8M0 or DType.F8E4M3Fnuz or DType.F8E5M2Fnuz:
                var codes = Raw(shape, ScalarType.Byte, copy);
                return tensor(Float8.Table(info.Type)).index_select(0, codes.reshape(-1).to(ScalarType.Int32)).reshape(shape);
            default:
                throw new ConesException($"{what} has the element type {info.Type.Name()}, which cannot be read: convert the file to F32, F16 or BF16");
        }
    }

    static Tensor Raw(long[] shape, ScalarType type, CopyBytes copy)
    {
        // The strides of an empty tensor could overflow where its sizes do not.
        if (shape.Contains(0)) return empty(Array.ConvertAll(shape, size => Math.Min(size, 1)), dtype: type).expand(shape);
        var result = empty(shape, dtype: type);
        var size = result.ElementSize;
        if (result.numel() * size <= Piece)
        {
            copy(0, result.bytes);
            return result;
        }

        var flat = result.view(-1);
        var step = Piece / size;
        for (long start = 0; start < flat.shape[0]; start += step)
        {
            using var part = flat.narrow(0, start, Math.Min(step, flat.shape[0] - start));
            copy(start * size, part.bytes);
        }

        return result;
    }
}
