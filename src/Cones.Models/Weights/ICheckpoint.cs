using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>What is known of a stored tensor without reading it.</summary>
/// <param name="Type">The element type in the file.</param>
/// <param name="Shape">The shape; empty for a scalar.</param>
public sealed record TensorInfo(DType Type, IReadOnlyList<long> Shape)
{
    /// <summary>The number of elements.</summary>
    public long Count => Shape.Contains(0) ? 0 : Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>The size of the elements in bytes.</summary>
    public long Bytes => Count * Type.Bits() / 8;
}

/// <summary>Named tensors in one or several files.</summary>
public interface ICheckpoint : IDisposable
{
    /// <summary>The file or folder, for messages.</summary>
    string Path { get; }

    /// <summary>Every tensor by its key, in the order of the file.</summary>
    IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>The text that the file holds beside its tensors; empty where the format has none.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads one tensor, in memory of its own, on the CPU.</summary>
    /// <param name="key">A key of <see cref="Tensors"/>.</param>
    /// <param name="type">
    /// The type to convert to. Null keeps the stored one; types that TorchSharp lacks are then widened: U16 to Int32, U32 to
    /// Int64, the 8-bit floats to Float32. U64 is read as Int64 of the same bits.
    /// </param>
    /// <exception cref="KeyNotFoundException">There is no such key.</exception>
    /// <exception cref="ConesException">The type cannot be read (4- and 6-bit floats), or the file is damaged.</exception>
    Tensor Read(string key, ScalarType? type = null);
}
