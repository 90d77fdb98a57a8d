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
    bool _done;

    internal CocoJsonFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = path;
        _temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            _stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }

        Json = new Utf8JsonWriter(_stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    internal Utf8JsonWriter Json { get; }

    /// <summary>Called after each record.</summary>
    internal void EndRecord()
    {
        if (Json.BytesPending < FlushAt) return;
        try
        {
            Json.Flush();
        }
        catch (IOException e)
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Puts the file into its place, replacing one that is there.</summary>
    internal void Complete()
    {
        try
        {
            Json.Flush();
            _stream.Dispose();
            File.Move(_temporary, _path, overwrite: true);
            _done = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
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
