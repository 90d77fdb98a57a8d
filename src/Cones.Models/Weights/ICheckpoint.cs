using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>The element types that checkpoints use.</summary>
public enum DType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned, 8 bit.</summary>
    U8,

    /// <summary>Signed, 8 bit.</summary>
    I8,

    /// <summary>Unsigned, 16 bit.</summary>
    U16,

    /// <summary>Signed, 16 bit.</summary>
    I16,

    /// <summary>Unsigned, 32 bit.</summary>
    U32,

    /// <summary>Signed, 32 bit.</summary>
    I32,

    /// <summary>Unsigned, 64 bit.</summary>
    U64,

    /// <summary>Signed, 64 bit.</summary>
    I64,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>IEEE double precision.</summary>
    F64,
}

/// <summary>What is known of a stored tensor without reading it.</summary>
/// <param name="Type">The element type in the file.</param>
/// <param name="Shape">The shape; empty for a scalar.</param>
public sealed record TensorInfo(DType Type, IReadOnlyList<long> Shape);

/// <summary>Named tensors in one or several files.</summary>
public interface ICheckpoint : IDisposable
{
    /// <summary>The file or folder, for messages.</summary>
    string Path { get; }

    /// <summary>Every tensor by its key.</summary>
    IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Reads one tensor, in memory of its own, on the CPU.</summary>
    /// <param name="key">A key of <see cref="Tensors"/>.</param>
    /// <param name="type">The type to convert to; null keeps the stored one.</param>
    Tensor Read(string key, ScalarType? type = null);
}
