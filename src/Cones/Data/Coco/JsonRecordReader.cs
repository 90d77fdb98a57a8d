using System.Text.Json;
using Cones.Models;

namespace Cones.Data.Coco;

/// <summary>Reads a JSON file of many records, holding one of them in memory at a time.</summary>
sealed class JsonRecordReader : IDisposable
{
    readonly string _path;
    readonly FileStream _stream;
    readonly NonFiniteLiterals _literals = new();
    byte[] _buffer = new byte[1 << 16];
    int _start;
    int _decided;
    int _end;
    bool _final;
    JsonReaderState _state;

    /// <summary>Takes what one record holds.</summary>
    internal delegate void RecordHandler(ReadOnlySpan<byte> record);

    internal JsonRecordReader(string path)
    {
        _path = path;
        if (Directory.Exists(path)) throw new ConesException($"{path} is a folder: name a JSON file in it");
        try
        {
            _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConesException($"{path} does not exist: check the path", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be read ({e.Message}): check its permissions", e);
        }
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>The next token; of objects and arrays their beginning. None at the end of the file.</summary>
    internal JsonTokenType Next(out string? propertyName)
    {
        while (true)
        {
            var reader = Reader();
            if (Read(ref reader))
            {
                propertyName = reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;
                var type = reader.TokenType;
                Accept(reader);
                return type;
            }

            propertyName = null;
            if (_final) return JsonTokenType.None;
            Fill();
        }
    }

    /// <summary>Hands the next element of the array at hand to <paramref name="handler"/>; false at its end.</summary>
    internal bool NextElement(RecordHandler handler)
    {
        while (true)
        {
            var reader = Reader();
            if (Read(ref reader))
            {
                if (reader.TokenType == JsonTokenType.EndArray)
                {
                    Accept(reader);
                    return false;
                }

                var begin = _start + (int)reader.TokenStartIndex;
                if (TrySkip(ref reader))
                {
                    var end = _start + (int)reader.BytesConsumed;
                    Accept(reader);
                    handler(_buffer.AsSpan(begin, end - begin));
                    return true;
                }
            }

            Fill();
        }
    }

    /// <summary>Passes the value that follows a property name.</summary>
    internal void SkipValue()
    {
        var depth = 0;
        do
        {
            depth += Next(out _) switch
            {
                JsonTokenType.StartArray or JsonTokenType.StartObject => 1,
                JsonTokenType.EndArray or JsonTokenType.EndObject => -1,
                JsonTokenType.None => throw Malformed("the file is cut off"),
                _ => 0,
            };
        }
        while (depth > 0);
    }

    internal ConesException Malformed(string reason, Exception? cause = null)
    {
        var message = $"{_path} is not valid JSON ({reason}): mend it or download it again";
        return cause is null ? new ConesException(message) : new ConesException(message, cause);
    }

    Utf8JsonReader Reader() => new(_buffer.AsSpan(_start, _decided - _start), _final, _state);

    void Accept(Utf8JsonReader reader)
    {
        _start += (int)reader.BytesConsumed;
        _state = reader.CurrentState;
    }

    bool Read(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.Read();
        }
        catch (JsonException e)
        {
            throw Malformed(Reason(e), e);
        }
    }

    bool TrySkip(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.TrySkip();
        }
        catch (JsonException e)
        {
            throw Malformed(Reason(e), e);
        }
    }

    static string Reason(JsonException e)
    {
        var end = e.Message.IndexOf(" LineNumber", StringComparison.Ordinal);
        return $"line {e.LineNumber + 1}: {(end < 0 ? e.Message : e.Message[..end]).TrimEnd('.')}";
    }

    void Fill()
    {
        if (_final) throw Malformed("the file is cut off");
        var held = _end - _start;
        if (held > _buffer.Length / 2)
        {
            if (_buffer.Length > Array.MaxLength / 2) throw Malformed("one record is larger than a gigabyte");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        _buffer.AsSpan(_start, held).CopyTo(_buffer);
        _decided -= _start;
        _start = 0;
        var first = _stream.Position == 0;
        var read = _stream.ReadAtLeast(_buffer.AsSpan(held), 4, throwOnEndOfStream: false);
        _final = read < 4;
        _end = held + read;
        // A byte order mark is no JSON.
        if (first && _buffer.AsSpan(0, _end).StartsWith("\uFEFF"u8)) _start = _decided = 3;
        _decided = _literals.Process(_buffer.AsSpan(0, _end), _decided, _final);
    }
}
