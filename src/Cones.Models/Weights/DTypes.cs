using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>Facts about <see cref="DType"/>.</summary>
public static class DTypes
{
    static readonly (DType Type, string Name, int Bits)[] s_facts =
    [
        (DType.Bool, "BOOL", 8),
        (DType.F4, "F4", 4),
        (DType.F6E2M3, "F6_E2M3", 6),
        (DType.F6E3M2, "F6_E3M2", 6),
        (DType.U8, "U8", 8),
        (DType.I8, "I8", 8),
        (DType.F8E5M2, "F8_E5M2", 8),
        (DType.F8E4M3, "F8_E4M3", 8),
        (DType.F8E8M0, "F8_E8M0", 8),
        (DType.F8E4M3Fnuz, "F8_E4M3FNUZ", 8),
        (DType.F8E5M2Fnuz, "F8_E5M2FNUZ", 8),
        (DType.I16, "I16", 16),
        (DType.U16, "U16", 16),
        (DType.F16, "F16", 16),
        (DType.BF16, "BF16", 16),
        (DType.I32, "I32", 32),
        (DType.U32, "U32", 32),
        (DType.F32, "F32", 32),
        (DType.C64, "C64", 64),
        (DType.F64, "F64", 64),
        (DType.I64, "I64", 64),
        (DType.U64, "U64", 64),
        (DType.C128, "C128", 128),
    ];

    static readonly Dictionary<string, DType> s_byName = s_facts.ToDictionary(f => f.Name, f => f.Type, StringComparer.Ordinal);

    /// <summary>The name in safetensors files, e.g. <c>BF16</c>.</summary>
    public static string Name(this DType type) => s_facts[(int)type].Name;

    /// <summary>The size of one element in bits.</summary>
    public static int Bits(this DType type) => s_facts[(int)type].Bits;

    /// <summary>Whether it stands for real numbers with a fraction.</summary>
    public static bool IsFloatingPoint(this DType type) => type is DType.F64 or DType.F32 or DType.F16 or DType.BF16
        or DType.F8E5M2 or DType.F8E4M3 or DType.F8E8M0 or DType.F8E4M3Fnuz or DType.F8E5M2Fnuz or DType.F4 or DType.F6E2M3 or DType.F6E3M2;

    /// <summary>The type that a tensor of TorchSharp is stored as.</summary>
    /// <exception cref="NotSupportedException">A quantised type, which no file format here can hold.</exception>
    public static DType Of(ScalarType type) => type switch
    {
        ScalarType.Bool => DType.Bool,
        ScalarType.Byte => DType.U8,
        ScalarType.Int8 => DType.I8,
        ScalarType.Int16 => DType.I16,
        ScalarType.Int32 => DType.I32,
        ScalarType.Int64 => DType.I64,
        ScalarType.Float16 => DType.F16,
        ScalarType.BFloat16 => DType.BF16,
        ScalarType.Float32 => DType.F32,
        ScalarType.Float64 => DType.F64,
        ScalarType.ComplexFloat32 => DType.C64,
        ScalarType.ComplexFloat64 => DType.C128,
        _ => throw new NotSupportedException($"tensors of type {type} cannot be stored"),
    };

    internal static DType? Find(string name) => s_byName.TryGetValue(name, out var type) && type != DType.C128 ? type : null;

    /// <summary>The number of bytes of <paramref name="count"/> elements, or null where it overflows or is no whole number.</summary>
    internal static long? ByteCount(DType type, ulong count)
    {
        var bits = (UInt128)count * (uint)type.Bits();
        return bits % 8 == 0 && bits / 8 <= long.MaxValue ? (long)(bits / 8) : null;
    }
}
