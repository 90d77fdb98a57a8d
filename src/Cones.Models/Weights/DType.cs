namespace Cones.Models.Weights;

/// <summary>The element types that checkpoints use, in the order in which the safetensors library sorts them.</summary>
public enum DType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Floating point, 4 bit (MX).</summary>
    F4,

    /// <summary>Floating point, 6 bit: 2 of exponent, 3 of mantissa (MX).</summary>
    F6E2M3,

    /// <summary>Floating point, 6 bit: 3 of exponent, 2 of mantissa (MX).</summary>
    F6E3M2,

    /// <summary>Unsigned, 8 bit.</summary>
    U8,

    /// <summary>Signed, 8 bit.</summary>
    I8,

    /// <summary>Floating point, 8 bit: 5 of exponent, 2 of mantissa, with infinities.</summary>
    F8E5M2,

    /// <summary>Floating point, 8 bit: 4 of exponent, 3 of mantissa, without infinities.</summary>
    F8E4M3,

    /// <summary>A power of two, 8 bit of exponent.</summary>
    F8E8M0,

    /// <summary>As <see cref="F8E4M3"/> with bias 8, one NaN and no negative zero.</summary>
    F8E4M3Fnuz,

    /// <summary>As <see cref="F8E5M2"/> with bias 16, one NaN, no infinities and no negative zero.</summary>
    F8E5M2Fnuz,

    /// <summary>Signed, 16 bit.</summary>
    I16,

    /// <summary>Unsigned, 16 bit.</summary>
    U16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>Signed, 32 bit.</summary>
    I32,

    /// <summary>Unsigned, 32 bit.</summary>
    U32,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>Complex of two single-precision numbers.</summary>
    C64,

    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>Signed, 64 bit.</summary>
    I64,

    /// <summary>Unsigned, 64 bit.</summary>
    U64,

    /// <summary>Complex of two double-precision numbers; PyTorch files only.</summary>
    C128,
}
