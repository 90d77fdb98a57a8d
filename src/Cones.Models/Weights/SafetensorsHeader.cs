using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace Cones.Models.Weights;

/// <summary>
/// The JSON header of a safetensors file, as strict as huggingface/safetensors 0.8 and in duplicate names stricter. Nothing is
/// allocated in proportion to a number that the header states.
/// </summary>
sealed class SafetensorsHeader
{
    /// <summary>The library's own limit, in bytes.</summary>
    public const int LargestHeader = 100_000_000;

    // The library's limit for nested JSON.
    const int LargestDepth = 128;

    // TorchSharp's kernels handle no more, and no model has them.
    const int MostDimensions = 64;

    readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);
    readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    SafetensorsHeader()
    {
    }

    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">The header without its length.</param>
    /// <param name="dataLength">The number of bytes that follow it in the file.</param>
    /// <exception cref="InvalidDataException">The message says what is wrong.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataLength)
    {
        if (!Utf8.IsValid(json)) throw new InvalidDataException("its header is not UTF-8");
        var header = new SafetensorsHeader();
        try
        {
            header.Read(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The reader throws the latter for escapes that are half of a surrogate pair.
            var cause = e is JsonException { BytePositionInLine: { } at } ? $"at byte {at}" : "half of a surrogate pair";
            throw new InvalidDataException($"its header is not valid JSON ({cause})", e);
        }

        header.CheckOffsets(dataLength);
        return header;
    }

    void Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = LargestDepth });
        reader.Read();
        Expect(reader.TokenType, JsonTokenType.StartObject, "the header");
        var hasMetadata = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (name == "__metadata__")
            {
                if (hasMetadata) throw new InvalidDataException("it has __metadata__ twice");
                hasMetadata = true;
                ReadMetadata(ref reader);
            }
            else if (!_entries.TryAdd(name, ReadEntry(ref reader, name)))
            {
                throw new InvalidDataException($"it has the tensor '{name}' twice");
            }
        }

        // White space may follow, nothing else: the reader throws for it.
        reader.Read();
    }

    void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null) return;
        Expect(reader.TokenType, JsonTokenType.StartObject, "__metadata__");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            Expect(reader.TokenType, JsonTokenType.String, $"the metadata '{name}'");
            _metadata[name] = reader.GetString()!;
        }
    }

    static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        Expect(reader.TokenType, JsonTokenType.StartObject, $"the entry of '{name}'");
        DType? type = null;
        List<ulong>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString();
            reader.Read();
            switch (field)
            {
                case "dtype" when type is null:
                    Expect(reader.TokenType, JsonTokenType.String, $"the dtype of '{name}'");
                    type = DTypes.Find(reader.GetString()!) ?? throw new InvalidDataException($"'{name}' has the unknown dtype '{reader.GetString()}'");
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, $"the shape of '{name}'");
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, $"the data_offsets of '{name}'");
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw new InvalidDataException($"'{name}' has {field} twice");
                default:
                    reader.Skip();
                    break;
            }
        }

        if (type is null || shape is null || offsets is null)
            throw new InvalidDataException($"'{name}' has no {(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")}");
        return Check(name, type.Value, shape, offsets);
    }

    static List<ulong> ReadNumbers(ref Utf8JsonReader reader, string what)
    {
        Expect(reader.TokenType, JsonTokenType.StartArray, what);
        var numbers = new List<ulong>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetUInt64(out var number))
                throw new InvalidDataException($"{what} must be whole numbers of at least 0");
            numbers.Add(number);
        }

        return numbers;
    }

    static SafetensorsEntry Check(string name, DType type, List<ulong> shape, List<ulong> offsets)
    {
        if (shape.Count > MostDimensions) throw new InvalidDataException($"'{name}' has {shape.Count} dimensions, more than {MostDimensions}");
        if (offsets.Count != 2) throw new InvalidDataException($"'{name}' has {offsets.Count} data_offsets, 2 expected");
        var count = 1UL;
        foreach (var size in shape)
            if (size > long.MaxValue || Math.BigMul(count, size, out count) != 0) throw TooLarge();

        if (DTypes.ByteCount(type, count) is not { } bytes) throw TooLarge();
        var (begin, end) = (offsets[0], offsets[1]);
        if (end < begin || end > long.MaxValue || end - begin != (ulong)bytes)
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"'{name}' ({type.Name()} [{string.Join(",", shape)}]) needs {bytes} bytes, its data_offsets are {begin} and {end}"));
        return new SafetensorsEntry(new TensorInfo(type, [.. shape.Select(s => (long)s)]), (long)begin, (long)end);

        InvalidDataException TooLarge() => new($"the shape [{string.Join(",", shape)}] of '{name}' is too large or no whole number of bytes");
    }

    // The tensors must follow each other without a hole or an overlap up to the end of the file.
    void CheckOffsets(long dataLength)
    {
        var next = 0L;
        foreach (var (name, entry) in _entries.OrderBy(e => e.Value.Begin).ThenBy(e => e.Value.End))
        {
            if (entry.Begin != next)
                throw new InvalidDataException($"'{name}' starts at byte {entry.Begin} of the data where {next} was expected");
            next = entry.End;
        }

        if (next != dataLength)
            throw new InvalidDataException($"its tensors need {next} bytes, the file has {dataLength} (is it complete?)");
    }

    static void Expect(JsonTokenType actual, JsonTokenType expected, string what)
    {
        if (actual != expected) throw new InvalidDataException($"{what} is a JSON {actual}, {expected} expected");
    }
}

/// <summary>One tensor of a header; offsets count from the end of the header.</summary>
sealed record SafetensorsEntry(TensorInfo Info, long Begin, long End);
