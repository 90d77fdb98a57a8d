using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>A tensor to be written: what it is, and where it comes from when its turn comes.</summary>
/// <param name="Info">Type and shape.</param>
/// <param name="Read">Gives the tensor, on any device; the writer disposes of it if <paramref name="Dispose"/> says so.</param>
/// <param name="Dispose">Whether the tensor was made for the writer alone.</param>
public sealed record TensorSource(TensorInfo Info, Func<Tensor> Read, bool Dispose = true);

/// <summary>Writes safetensors files, byte for byte as huggingface/safetensors lays them out.</summary>
/// <remarks>
/// Tensors are sorted by descending element type, then by name; the header is padded to 8 bytes with spaces. Metadata is sorted
/// by name (the library leaves its order open). The same content gives the same bytes.
/// </remarks>
public static class SafetensorsWriter
{
    /// <summary>Writes <paramref name="tensors"/> to <paramref name="path"/>, atomically (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The file to make or to replace.</param>
    /// <param name="tensors">The tensors by name; any device and stride.</param>
    /// <param name="metadata">Text to keep with them.</param>
    /// <exception cref="ConesException">The file cannot be written.</exception>
    /// <exception cref="ArgumentException">A name is <c>__metadata__</c> or no Unicode.</exception>
    /// <exception cref="NotSupportedException">A tensor is of a quantised or double-precision complex type.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(
            path,
            tensors.ToDictionary(t => t.Key, t => new TensorSource(new TensorInfo(DTypes.Of(t.Value.dtype), t.Value.shape), () => t.Value, Dispose: false)),
            metadata);

    /// <summary>As the other overload, with one tensor at a time in memory.</summary>
    /// <param name="path">The file to make or to replace.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Text to keep with them.</param>
    /// <exception cref="InvalidOperationException">A source gives another type or shape than it said.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, TensorSource> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var sorted = tensors.OrderByDescending(t => t.Value.Info.Type).ThenBy(t => t.Key, Utf8Order.Instance).ToArray();
        var header = Header(sorted, metadata);
        var size = 8 + header.Length + sorted.Sum(t => t.Value.Info.Bytes);
        AtomicFile.Write(
            path,
            stream =>
            {
                Span<byte> length = stackalloc byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
                stream.Write(length);
                stream.Write(header);
                foreach (var (name, source) in sorted) WriteTensor(stream, name, source);
            },
            size);
    }

    static void WriteTensor(Stream stream, string name, TensorSource source)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var given = source.Read();
        try
        {
            if (DTypes.Of(given.dtype) != source.Info.Type || !given.shape.AsSpan().SequenceEqual(source.Info.Shape.ToArray()))
                throw new InvalidOperationException(
                    $"'{name}' was announced as {source.Info.Type} [{string.Join(",", source.Info.Shape)}], {given.dtype} [{string.Join(",", given.shape)}] came");
            TensorBytes.Write(given, stream);
        }
        finally
        {
            if (source.Dispose) given.Dispose();
        }
    }

    static byte[] Header(KeyValuePair<string, TensorSource>[] sorted, IReadOnlyDictionary<string, string>? metadata)
    {
        var json = new StringBuilder("{");
        if (metadata is not null)
        {
            json.Append("\"__metadata__\":{");
            json.AppendJoin(',', metadata.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{Quote(m.Key)}:{Quote(m.Value)}"));
            json.Append("},");
        }

        var offset = 0L;
        foreach (var (name, source) in sorted)
        {
            if (name == "__metadata__") throw new ArgumentException("a tensor cannot be called __metadata__", nameof(sorted));
            if (source.Info.Type == DType.C128) throw new NotSupportedException($"'{name}': safetensors has no complex numbers of double precision");
            var end = offset + source.Info.Bytes;
            json.Append(
                CultureInfo.InvariantCulture,
                $"{Quote(name)}:{{\"dtype\":\"{source.Info.Type.Name()}\",\"shape\":[{string.Join(",", source.Info.Shape)}],\"data_offsets\":[{offset},{end}]}},");
            offset = end;
        }

        if (json[^1] == ',') json.Length--;
        json.Append('}');

        // Throws for half a surrogate pair, which no reader would accept.
        var bytes = new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(json.ToString());
        var padded = new byte[(bytes.Length + 7) / 8 * 8];
        padded.AsSpan().Fill((byte)' ');
        bytes.CopyTo(padded, 0);
        return padded;
    }

    // Escapes what serde_json escapes and nothing else.
    static string Quote(string text)
    {
        var quoted = new StringBuilder("\"", text.Length + 2);
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\b' => quoted.Append("\\b"),
                '\f' => quoted.Append("\\f"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                < ' ' => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append('"').ToString();
    }

    // The library compares names as UTF-8, where code points beyond U+FFFF come last; UTF-16 puts some before.
    sealed class Utf8Order : IComparer<string>
    {
        public static readonly Utf8Order Instance = new();

        public int Compare(string? x, string? y) => Encoding.UTF8.GetBytes(x!).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y!));
    }
}
