namespace Cones.Models.Weights;

/// <summary>The values of the 8-bit floating-point types (OCP 8-bit specification; the FNUZ variants as in ONNX).</summary>
static class Float8
{
    static readonly Dictionary<DType, float[]> s_tables = new()
    {
        [DType.F8E5M2] = Build(code => Decode(code, mantissaBits: 2, bias: 15, (exponent, mantissa) =>
            exponent < 31 ? null : mantissa == 0 ? float.PositiveInfinity : float.NaN)),
        [DType.F8E4M3] = Build(code => Decode(code, mantissaBits: 3, bias: 7, (exponent, mantissa) =>
            exponent == 15 && mantissa == 7 ? float.NaN : null)),
        [DType.F8E5M2Fnuz] = Build(code => code == 0x80 ? float.NaN : Decode(code, mantissaBits: 2, bias: 16, (_, _) => null)),
        [DType.F8E4M3Fnuz] = Build(code => code == 0x80 ? float.NaN : Decode(code, mantissaBits: 3, bias: 8, (_, _) => null)),
        [DType.F8E8M0] = Build(code => code == 0xFF ? float.NaN : MathF.ScaleB(1, code - 127)),
    };

    /// <summary>The value of each of the 256 codes; not to be changed.</summary>
    public static float[] Table(DType type) => s_tables[type];

    static float[] Build(Func<int, float> value) => [.. Enumerable.Range(0, 256).Select(value)];

    static float Decode(int code, int mantissaBits, int bias, Func<int, int, float?> special)
    {
        var exponent = (code & 0x7F) >> mantissaBits;
        var mantissa = code & ((1 << mantissaBits) - 1);
        var magnitude = special(exponent, mantissa) ?? (exponent == 0
            ? MathF.ScaleB(mantissa, 1 - bias - mantissaBits)
            : MathF.ScaleB((1 << mantissaBits) + mantissa, exponent - bias - mantissaBits));
        return code < 0x80 ? magnitude : -magnitude;
    }
}
