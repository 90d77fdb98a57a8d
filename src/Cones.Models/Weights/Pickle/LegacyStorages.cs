using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Cones.Models.Weights.Pickle;

/// <summary>
/// The layout of <c>torch.save</c> before PyTorch 1.6: pickles of a magic number, the protocol, the system, the objects and the
/// storages' keys; then, for each key, the number of elements and the bytes.
/// </summary>
sealed class LegacyStorages : ITorchStorages
{
    // The pickles come first; that of a large checkpoint has some megabytes.
    const int LargestPickles = 64 << 20;
    const long Protocol = 1001;

    static readonly BigInteger s_magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    readonly MappedFile _file;
    readonly Dictionary<string, (long Bytes, long Offset)> _storages = new(StringComparer.Ordinal);

    LegacyStorages(MappedFile file) => _file = file;

    /// <summary>Reads the objects.</summary>
    public static object? Load(MappedFile file)
    {
        var data = file.Head(LargestPickles);
        var position = 0;
        if (Unpickler.Load(file.Path, data, ref position, null) is not BigInteger magic || magic != s_magic)
            throw new InvalidDataException("it is a Python pickle that torch.save did not write");
        if (Unpickler.Load(file.Path, data, ref position, null) is not Protocol) throw new InvalidDataException("its protocol is not 1001");
        if (Unpickler.Load(file.Path, data, ref position, null) is TorchDictionary system && system.TryGetValue("little_endian", out var little) && little is false)
            throw new InvalidDataException("it was written on a big-endian machine; save it again on another");
        var storages = new LegacyStorages(file);
        var root = Unpickler.Load(file.Path, data, ref position, storages);
        if (Unpickler.Load(file.Path, data, ref position, null) is not List<object?> keys) throw new InvalidDataException("its list of storages is missing");
        storages.Locate(keys, position);
        return root;
    }

    public void Expect(string key, long bytes)
    {
        if (bytes > _file.Length) throw new InvalidDataException($"storage '{key}' should have {bytes} bytes, the file has {_file.Length}");
        if (!_storages.TryAdd(key, (bytes, -1)) && _storages[key].Bytes != bytes) throw new InvalidDataException($"storage '{key}' has two sizes");
    }

    public void Copy(string key, long offset, Span<byte> target)
    {
        var (bytes, start) = _storages[key];
        if (offset < 0 || offset > bytes - target.Length) throw new InvalidDataException($"storage '{key}' has {bytes} bytes only");
        _file.Copy(start + offset, target);
    }

    // The number in front counts elements, whose size only the objects tell: it must divide the bytes that they expect.
    void Locate(List<object?> keys, long position)
    {
        Span<byte> prefix = stackalloc byte[8];
        foreach (var item in keys)
        {
            if (item is not string key || !_storages.TryGetValue(key, out var storage) || storage.Offset >= 0)
                throw new InvalidDataException($"its list of storages has '{item}', which no tensor uses or which came before");
            if (position > _file.Length - 8 - storage.Bytes) throw new InvalidDataException($"storage '{key}' is cut short (was the download complete?)");
            _file.Copy(position, prefix);
            var count = BinaryPrimitives.ReadInt64LittleEndian(prefix);
            if (count < 0 || (storage.Bytes != 0 && (count == 0 || storage.Bytes % count != 0 || storage.Bytes / count > 16)) || (storage.Bytes == 0 && count != 0))
                throw new InvalidDataException($"storage '{key}' has {count} elements in {storage.Bytes} bytes");
            _storages[key] = (storage.Bytes, position + 8);
            position += 8 + storage.Bytes;
        }

        if (_storages.FirstOrDefault(s => s.Value.Offset < 0).Key is { } missing)
            throw new InvalidDataException($"it refers to the storage '{missing}', which it does not contain");
    }
}
