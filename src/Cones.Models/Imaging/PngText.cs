using System.Buffers;
using System.IO.Compression;
using System.Text;

namespace Cones.Models.Imaging;

/// <summary>The texts that a PNG file carries beside its picture, such as the settings that generated it.</summary>
/// <remarks>Chunks tEXt, zTXt and iTXt of the W3C PNG specification, section 11.3.3. A damaged text is left out.</remarks>
public static class PngText
{
    const int LongestKeyword = 79;

    // A text that unpacks to more is no text: refuse it before it fills the memory.
    const int LongestText = 16 << 20;

    /// <summary>The texts of a file by keyword; of a repeated keyword the last. Empty for files of other formats.</summary>
    /// <exception cref="ConesException">The file cannot be read.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path) => Parse(ImageFile.ReadBytes(path));

    /// <summary>As <see cref="Read"/>, of a file in memory.</summary>
    public static IReadOnlyDictionary<string, string> Parse(ReadOnlyMemory<byte> file)
    {
        var texts = new Dictionary<string, string>();
        foreach (var (type, data) in PngChunks.Read(file))
        {
            var end = data.Span.IndexOf((byte)0);
            if (type is not ("tEXt" or "zTXt" or "iTXt") || end is < 1 or > LongestKeyword) continue;
            var body = data[(end + 1)..];
            var text = type switch
            {
                "tEXt" => Encoding.Latin1.GetString(body.Span),
                "zTXt" => body.Length > 0 && Inflate(body[1..]) is { } latin ? Encoding.Latin1.GetString(latin) : null,
                _ => International(body),
            };
            if (text is not null) texts[Encoding.Latin1.GetString(data.Span[..end])] = text;
        }

        return texts;
    }

    /// <summary>Adds texts to a PNG file in memory, right after its header.</summary>
    /// <exception cref="ArgumentException">A keyword is not 1 to 79 printable Latin-1 characters, or a text holds a zero character.</exception>
    internal static byte[] Insert(ReadOnlySpan<byte> png, IReadOnlyDictionary<string, string> texts)
    {
        using var stream = new MemoryStream();
        stream.Write(png[..PngChunks.AfterHeader]);
        foreach (var (keyword, text) in texts.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            RequireKeyword(keyword);
            if (text.Contains('\0')) throw new ArgumentException($"the text of '{keyword}' holds a zero character", nameof(texts));
            if (text.All(c => c <= 0xff))
                PngChunks.Write(stream, "tEXt", Encoding.Latin1.GetBytes($"{keyword}\0{text}"));
            else
                PngChunks.Write(stream, "iTXt", [.. Encoding.Latin1.GetBytes($"{keyword}\0\0\0\0\0"), .. Encoding.UTF8.GetBytes(text)]);
        }

        stream.Write(png[PngChunks.AfterHeader..]);
        return stream.ToArray();
    }

    static void RequireKeyword(string keyword)
    {
        var printable = keyword.All(c => c is >= ' ' and <= '~' or >= '\u00a1' and <= '\u00ff');
        if (!printable || keyword.Length is < 1 or > LongestKeyword || keyword.Trim() != keyword || keyword.Contains("  ", StringComparison.Ordinal))
            throw new ArgumentException($"'{keyword}' cannot be the keyword of a PNG text: 1 to {LongestKeyword} printable Latin-1 characters without outer or double spaces");
    }

    // compression flag, compression method, language \0, translated keyword \0, text
    static string? International(ReadOnlyMemory<byte> body)
    {
        if (body.Length < 2) return null;
        var compressed = body.Span[0] == 1;
        body = body[2..];
        for (var field = 0; field < 2; field++)
        {
            var end = body.Span.IndexOf((byte)0);
            if (end < 0) return null;
            body = body[(end + 1)..];
        }

        if (!compressed) return Encoding.UTF8.GetString(body.Span);
        return Inflate(body) is { } text ? Encoding.UTF8.GetString(text) : null;
    }

    static byte[]? Inflate(ReadOnlyMemory<byte> data)
    {
        try
        {
            using var packed = new MemoryStream(data.ToArray());
            using var zlib = new ZLibStream(packed, CompressionMode.Decompress);
            var text = new ArrayBufferWriter<byte>();
            for (int read; (read = zlib.Read(text.GetSpan(4096))) > 0 && text.WrittenCount <= LongestText;) text.Advance(read);
            return text.WrittenCount <= LongestText ? text.WrittenSpan.ToArray() : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
