using System.Buffers.Binary;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>A safetensors file (huggingface/safetensors, format of version 0.4).</summary>
public sealed class SafetensorsFile : ICheckpoint
{
    readonly Dictionary<string, TensorInfo> _tensors = [];
    readonly Dictionary<string, (long Begin, long End)> _offsets = [];
    readonly FileStream _stream;
    readonly long _dataStart;

    SafetensorsFile(string path)
    {
        Path = path;
        _stream = File.OpenRead(path);
        Span<byte> size = stackalloc byte[8];
        _stream.ReadExactly(size);
        var header = new byte[BinaryPrimitives.ReadInt64LittleEndian(size)];
        _stream.ReadExactly(header);
        _dataStart = 8 + header.Length;
        foreach (var entry in JsonDocument.Parse(header).RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                Metadata = entry.Value.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString()!);
                continue;
            }

            var offsets = entry.Value.GetProperty("data_offsets");
            _offsets[entry.Name] = (offsets[0].GetInt64(), offsets[1].GetInt64());
            _tensors[entry.Name] = new TensorInfo(
                Enum.Parse<DType>(entry.Value.GetProperty("dtype").GetString()!, ignoreCase: true),
                [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())]);
        }
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <summary>The file's own metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <summary>Opens a file.</summary>
    public static SafetensorsFile Open(string path) => new(path);

    /// <inheritdoc/>
    public Tensor Read(string key, ScalarType? type = null)
    {
        var (begin, end) = _offsets[key];
        var info = _tensors[key];
        var scalarType = info.Type switch
        {
            DType.Bool => ScalarType.Bool,
            DType.U8 => ScalarType.Byte,
            DType.I8 => ScalarType.Int8,
            DType.I16 => ScalarType.Int16,
            DType.I32 => ScalarType.Int32,
            DType.I64 => ScalarType.Int64,
            DType.F16 => ScalarType.Float16,
            DType.BF16 => ScalarType.BFloat16,
            DType.F32 => ScalarType.Float32,
            DType.F64 => ScalarType.Float64,
            _ => throw new NotSupportedException($"{info.Type}"),
        };
        var tensor = empty([.. info.Shape], dtype: scalarType);
        _stream.Position = _dataStart + begin;
        if (end > begin) _stream.ReadExactly(tensor.bytes);
        return type is { } t && t != scalarType ? tensor.to(t) : tensor;
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
