using System.Text.Json;
using Cones.Data.Masks;
using Cones.Models;

namespace Cones.Data.Coco;

/// <summary>Writes a JSON file beside its place, record by record, and moves it there once it is whole.</summary>
sealed class CocoJsonFile : IDisposable
{
    const int FlushAt = 1 << 16;

    readonly string _path;
    readonly string _temporary;
    readonly FileStream _stream;
    long _whole;
    int _records;
    bool _closed;
    bool _done;

    internal CocoJsonFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = path;
        _temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            _stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }

        Json = new Utf8JsonWriter(_stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    internal Utf8JsonWriter Json { get; }

    /// <summary>The records that are in the file.</summary>
    internal int Kept { get; private set; }

    /// <summary>Called after each record.</summary>
    internal void EndRecord()
    {
        _records++;
        if (Json.BytesPending >= FlushAt) Flush();
    }

    /// <summary>Brings the records so far to the file.</summary>
    internal void Flush()
    {
        try
        {
            Json.Flush();
            (_whole, Kept) = (_stream.Position, _records);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Puts the file into its place, replacing one that is there.</summary>
    internal void Complete()
    {
        Flush();
        try
        {
            _stream.Dispose();
            _closed = true;
            File.Move(_temporary, _path, overwrite: true);
            _done = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Where the file cannot be completed: keeps the records that had room beside it, with an end put to them.</summary>
    /// <returns>The file, or null where not even that could be done.</returns>
    internal string? KeepPart(ReadOnlySpan<byte> end)
    {
        var part = Path.ChangeExtension(_path, ".partial" + Path.GetExtension(_path));
        try
        {
            if (!_closed)
            {
                _stream.SetLength(_whole);
                _stream.Position = _whole;
                _stream.Write(end);
                _stream.Dispose();
            }

            File.Move(_temporary, part, overwrite: true);
            _done = true;
            return part;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        try
        {
            _stream.Dispose();
        }
        catch (IOException) when (!_done)
        {
            // What the stream still held had no room; that was said where it was written, and the file goes anyway.
        }

        // What was not completed must not look like a file.
        if (!_done) File.Delete(_temporary);
    }

    internal void WriteBox(BoundingBox box)
    {
        Json.WriteStartArray("bbox");
        Json.WriteNumberValue(box.X);
        Json.WriteNumberValue(box.Y);
        Json.WriteNumberValue(box.Width);
        Json.WriteNumberValue(box.Height);
        Json.WriteEndArray();
    }

    /// <summary>Polygons as lists, masks as compressed run lengths.</summary>
    internal void WriteSegmentation(Segmentation segmentation)
    {
        Json.WritePropertyName("segmentation");
        if (segmentation.Mask is { } mask)
        {
            Json.WriteStartObject();
            Json.WriteStartArray("size");
            Json.WriteNumberValue(mask.Height);
            Json.WriteNumberValue(mask.Width);
            Json.WriteEndArray();
            Json.WriteString("counts", mask.ToCompressed());
            Json.WriteEndObject();
            return;
        }

        Json.WriteStartArray();
        foreach (var polygon in segmentation.Polygons!)
        {
            Json.WriteStartArray();
            foreach (var value in polygon) Json.WriteNumberValue(value);
            Json.WriteEndArray();
        }

        Json.WriteEndArray();
    }

    ConesException Unwritable(Exception e) =>
        new($"{_path} cannot be written ({e.Message}): check that its folder exists, may be written and has room", e);
}
