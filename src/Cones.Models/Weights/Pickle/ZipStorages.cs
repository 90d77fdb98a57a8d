namespace Cones.Models.Weights.Pickle;

/// <summary>The layout of <c>torch.save</c> since PyTorch 1.6: <c>NAME/data.pkl</c> and a file <c>NAME/data/KEY</c> for each storage.</summary>
sealed class ZipStorages : ITorchStorages
{
    // The pickle of a large checkpoint with optimizer states has some megabytes.
    const long LargestPickle = 64 << 20;

    // Pickles of real checkpoints deflate to a tenth.
    const long HarmlessPickle = 4 << 20;
    const long BestPickleRatio = 32;

    readonly ZipDirectory _zip;
    readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);
    readonly string _folder;

    ZipStorages(ZipDirectory zip)
    {
        _zip = zip;
        var pickles = zip.Entries.Where(e => e.Name.Split('/') is [_, "data.pkl"]).ToArray();
        if (pickles.Length != 1)
            throw new InvalidDataException(pickles.Length == 0 ? "it is a zip archive without a data.pkl, so torch.save did not write it" : "it has several data.pkl");
        Pickle = pickles[0];
        _folder = Pickle.Name[..^"data.pkl".Length];
        if (zip.Entries.Any(e => e.Name == _folder + "constants.pkl"))
            throw new InvalidDataException("it is a TorchScript program, not weights; save the model's state_dict instead");
        foreach (var entry in zip.Entries.Where(e => e.Name.StartsWith(_folder, StringComparison.Ordinal)))
            if (!_entries.TryAdd(entry.Name, entry)) throw new InvalidDataException($"it has '{entry.Name}' twice");
        CheckByteOrder();
    }

    ZipEntry Pickle { get; }

    /// <summary>Reads the objects.</summary>
    public static object? Load(MappedFile file)
    {
        var storages = new ZipStorages(ZipDirectory.Read(file));
        var position = 0;
        return Unpickler.Load(file.Path, storages.ReadPickle(), ref position, storages);
    }

    public void Expect(string key, long bytes)
    {
        var entry = Find(key);
        if (entry.Size != bytes) throw new InvalidDataException($"storage '{key}' should have {bytes} bytes, it has {entry.Size}");
    }

    public void Copy(string key, long offset, Span<byte> target) => _zip.Copy(Find(key), offset, target);

    ZipEntry Find(string key) => _entries.TryGetValue($"{_folder}data/{key}", out var entry)
        ? entry
        : throw new InvalidDataException($"it refers to the storage '{key}', which it does not contain");

    byte[] ReadPickle()
    {
        if (Pickle.Size > LargestPickle || Pickle.Size > HarmlessPickle + (BestPickleRatio * Pickle.CompressedSize))
            throw new InvalidDataException($"its data.pkl has {Pickle.Size} bytes, more than that of any file of weights");
        var pickle = new byte[Pickle.Size];
        _zip.Copy(Pickle, 0, pickle);
        return pickle;
    }

    void CheckByteOrder()
    {
        if (!_entries.TryGetValue(_folder + "byteorder", out var entry) || entry.Size != 3) return;
        Span<byte> order = stackalloc byte[3];
        _zip.Copy(entry, 0, order);
        if (order.SequenceEqual("big"u8)) throw new InvalidDataException("it was written on a big-endian machine; save it again on another");
    }
}
