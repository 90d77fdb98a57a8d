namespace Cones.Models.Weights.Pickle;

/// <summary>A Python name that a file refers to, e.g. the data type <c>torch.float16</c>.</summary>
public sealed class TorchName
{
    TorchName(string fullName, PickleCallable callable, DType? type = null)
    {
        FullName = fullName;
        Callable = callable;
        Type = type;
    }

    /// <summary>Module and name with a dot between.</summary>
    public string FullName { get; }

    internal PickleCallable Callable { get; }

    /// <summary>The element type that a storage class or a data type stands for.</summary>
    internal DType? Type { get; }

    /// <inheritdoc/>
    public override string ToString() => FullName;

    /// <summary>Every name that a file may mention. Nothing is looked up or run: each stands for a case in <see cref="PickleCalls"/>.</summary>
    internal static IReadOnlyDictionary<string, TorchName> Allowed { get; } = Names().ToDictionary(n => n.FullName, StringComparer.Ordinal);

    static IEnumerable<TorchName> Names()
    {
        yield return new("collections.OrderedDict", PickleCallable.OrderedDict);
        yield return new("torch._utils._rebuild_tensor", PickleCallable.RebuildTensor);
        yield return new("torch._utils._rebuild_tensor_v2", PickleCallable.RebuildTensor);
        yield return new("torch._utils._rebuild_tensor_v3", PickleCallable.RebuildTensor);
        yield return new("torch._utils._rebuild_parameter", PickleCallable.RebuildParameter);
        yield return new("torch._utils._rebuild_parameter_with_state", PickleCallable.RebuildParameter);
        yield return new("torch.Size", PickleCallable.Size);
        yield return new("torch.device", PickleCallable.Device);
        yield return new("torch.nn.modules.container.ParameterDict", PickleCallable.ParameterDict);
        yield return new("builtins.set", PickleCallable.Set);
        yield return new("__builtin__.set", PickleCallable.Set);
        yield return new("torch.storage.UntypedStorage", PickleCallable.Storage);
        (string Class, string DataType, DType? Type)[] types =
        [
            ("Double", "float64", DType.F64), ("Float", "float32", DType.F32), ("Half", "float16", DType.F16), ("BFloat16", "bfloat16", DType.BF16),
            ("Long", "int64", DType.I64), ("Int", "int32", DType.I32), ("Short", "int16", DType.I16), ("Char", "int8", DType.I8),
            ("Byte", "uint8", DType.U8), ("Bool", "bool", DType.Bool), ("ComplexFloat", "complex64", DType.C64), ("ComplexDouble", "complex128", DType.C128),
            ("", "uint16", DType.U16), ("", "uint32", DType.U32), ("", "uint64", DType.U64),
            ("", "float8_e4m3fn", DType.F8E4M3), ("", "float8_e5m2", DType.F8E5M2), ("", "float8_e8m0fnu", DType.F8E8M0),
            ("", "float8_e4m3fnuz", DType.F8E4M3Fnuz), ("", "float8_e5m2fnuz", DType.F8E5M2Fnuz),
            ("", "complex32", null), ("", "float4_e2m1fn_x2", null),
            ("", "quint8", null), ("", "qint8", null), ("", "qint32", null),
        ];
        foreach (var (className, dataType, type) in types)
        {
            yield return new($"torch.{dataType}", PickleCallable.None, type);
            if (className.Length == 0) continue;
            yield return new($"torch.{className}Storage", PickleCallable.Storage, type);
            yield return new($"torch.cuda.{className}Storage", PickleCallable.Storage, type);
        }
    }
}

/// <summary>What calling a name means.</summary>
enum PickleCallable
{
    /// <summary>It cannot be called.</summary>
    None,
    Storage,
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Device,
    ParameterDict,
    Set,
}
