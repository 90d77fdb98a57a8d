namespace Cones.Models.Weights.Pickle;

/// <summary>The memory block behind one or several tensors.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Type">The element type; null for a block of bytes.</param>
/// <param name="Bytes">The size, checked against the file.</param>
/// <param name="Source">Where its bytes are.</param>
sealed record TorchStorage(string Key, DType? Type, long Bytes, ITorchStorages Source);

/// <summary>The memory blocks of a file.</summary>
interface ITorchStorages
{
    /// <summary>Notes that the objects refer to a storage, and checks what can be checked.</summary>
    /// <exception cref="InvalidDataException">The file has no such storage, or of another size.</exception>
    void Expect(string key, long bytes);

    /// <summary>Copies bytes of a storage.</summary>
    void Copy(string key, long offset, Span<byte> target);
}
