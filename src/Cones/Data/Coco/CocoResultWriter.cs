using Cones.Models;

namespace Cones.Data.Coco;

/// <summary>Writes COCO's result list while detections come in. Without <see cref="Complete"/> no file is left.</summary>
public sealed class CocoResultWriter : IDisposable
{
    readonly CocoJsonFile _file;
    int _added;

    /// <summary>Begins a list.</summary>
    /// <param name="path">The file, which is replaced by <see cref="Complete"/>.</param>
    /// <exception cref="ConesException">The folder does not exist or may not be written.</exception>
    public CocoResultWriter(string path)
    {
        _file = new CocoJsonFile(path);
        _file.Json.WriteStartArray();
    }

    /// <summary>Writes a whole list.</summary>
    /// <exception cref="ConesException">The file cannot be written.</exception>
    public static void Write(IEnumerable<CocoResult> results, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        using var writer = new CocoResultWriter(path);
        foreach (var result in results) writer.Add(result);
        writer.Complete();
    }

    /// <summary>Appends a detection.</summary>
    /// <exception cref="ArgumentException">It has neither box nor mask, or a number is not finite.</exception>
    public void Add(CocoResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (!double.IsFinite(result.Score) || result.Box is { IsFinite: false })
            throw new ArgumentException($"the result of image {result.ImageId} has the score {result.Score} and the box {result.Box}: finite numbers are needed", nameof(result));
        if (result.Box is null && result.Segmentation is null)
            throw new ArgumentException($"the result of image {result.ImageId} has neither box nor mask", nameof(result));
        var json = _file.Json;
        json.WriteStartObject();
        json.WriteNumber("image_id", result.ImageId);
        json.WriteNumber("category_id", result.CategoryId);
        if (result.Box is { } box) _file.WriteBox(box);
        if (result.Segmentation is { } segmentation) _file.WriteSegmentation(segmentation);
        json.WriteNumber("score", result.Score);
        json.WriteEndObject();
        _added++;
        _file.EndRecord();
    }

    /// <summary>Brings the results so far to the disk.</summary>
    /// <exception cref="ConesException">They have no room; those that had are kept in another file, which the message names. The list is at its end.</exception>
    public void Flush() => OrKeepPart(_file.Flush);

    /// <summary>Ends the list and puts the file into its place.</summary>
    /// <exception cref="ConesException">It cannot be written; results that had room are kept in another file, which the message names.</exception>
    public void Complete()
    {
        _file.Json.WriteEndArray();
        OrKeepPart(_file.Complete);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    void OrKeepPart(Action write)
    {
        try
        {
            write();
        }
        catch (ConesException e) when (_file.Kept > 0 && _file.KeepPart("]"u8) is { } part)
        {
            throw new ConesException($"{e.Message}; the first {_file.Kept} of {_added} results are kept in {part}", e);
        }
    }
}
