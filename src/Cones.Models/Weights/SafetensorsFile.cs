using System.Buffers.Binary;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>
/// A safetensors file (huggingface/safetensors 0.8), mapped into memory. Everything that the header says is checked against
/// the file before a tensor is made.
/// </summary>
public sealed class SafetensorsFile : ICheckpoint
{
    readonly MappedFile _file;
    readonly SafetensorsHeader _header;
    readonly long _dataStart;

    SafetensorsFile(MappedFile file)
    {
        _file = file;
        if (file.Length < 8) throw new InvalidDataException($"it has {file.Length} bytes, the length of a header needs 8");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Head(8));
        if (length > SafetensorsHeader.LargestHeader || (long)length > file.Length - 8)
            throw new InvalidDataException($"it claims a header of {length} bytes, {Math.Min(file.Length - 8, SafetensorsHeader.LargestHeader)} are possible");
        var json = new byte[length];
        file.Copy(8, json);
        _dataStart = 8 + (long)length;
        _header = SafetensorsHeader.Parse(json, file.Length - _dataStart);
        Tensors = _header.Entries.ToDictionary(e => e.Key, e => e.Value.Info, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public string Path => _file.Path;

    /// <summary>The file's own metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="ConesException">It cannot be read or is no valid safetensors file; the message says why.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return new SafetensorsFile(file);
        }
        catch (InvalidDataException e)
        {
            var hint = CheckpointFormats.Explain(CheckpointFormats.Detect(file));
            file.Dispose();
            throw new ConesException(
                hint is null ? $"{path} is damaged or no safetensors file: {e.Message}; save or download it again" : $"{path} is no safetensors file: {hint}", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string key, ScalarType? type = null)
    {
        if (!_header.Entries.TryGetValue(key, out var entry)) throw new KeyNotFoundException($"{Path} has no tensor '{key}'");
        return TensorDecoder.Decode(
            entry.Info, (offset, target) => _file.Copy(_dataStart + entry.Begin + offset, target), type, $"{Path}: '{key}'");
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
