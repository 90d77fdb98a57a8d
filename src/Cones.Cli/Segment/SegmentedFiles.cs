using System.Globalization;
using System.Text;
using Cones.Data.Coco;
using Cones.Data.Instances;
using Cones.Data.Masks;
using Cones.Models;
using Cones.Models.Imaging;
using Cones.Tasks.Segmentation;
using Cones.Visualization;

namespace Cones.Cli.Segment;

/// <summary>Writes masks while they are found: COCO's results with run lengths, label images, overlay pictures, a table of the pictures.</summary>
sealed class SegmentedFiles : IDisposable
{
    readonly string _folder;
    readonly bool _pictures;
    readonly bool _labels;
    readonly CocoResultWriter _results;
    readonly StreamWriter _table;
    readonly string _partialTable;

    /// <param name="folder">Where the files go.</param>
    /// <param name="pictures">Whether overlay pictures are written.</param>
    /// <param name="labels">Whether label images are written.</param>
    public SegmentedFiles(string folder, bool pictures, bool labels)
    {
        (_folder, _pictures, _labels) = (folder, pictures, labels);
        if (labels) Directory.CreateDirectory(Path.Combine(folder, "labels"));
        _results = new CocoResultWriter(ResultPath);
        _partialTable = $"{TablePath}.{Environment.ProcessId}.tmp";
        _table = new StreamWriter(_partialTable, append: false, new UTF8Encoding(false)) { NewLine = "\n" };
        _table.WriteLine("image_id,image,width,height,objects");
    }

    /// <summary>COCO's result list; images are numbered from 1 in their order, classes from 1 in that of the concepts.</summary>
    public string ResultPath => Path.Combine(_folder, "segmentations.json");

    /// <summary>The table of the pictures.</summary>
    public string TablePath => Path.Combine(_folder, "images.csv");

    /// <summary>Takes in what was found in a picture.</summary>
    /// <returns>The overlay picture and the label image that were written, or null; and a warning, or null.</returns>
    public (string? Picture, string? Labels, string? Warning) Add(int number, string path, RgbImage image, IReadOnlyList<FoundMask> found)
    {
        // Without boxes, so that areas are those of the masks, as pycocotools takes them.
        foreach (var item in found)
            _results.Add(new CocoResult { ImageId = number, CategoryId = item.Class + 1, Score = item.Score, Segmentation = Segmentation.FromMask(item.Mask) });
        _table.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{number},{Quoted(path)},{image.Width},{image.Height},{found.Count}"));
        var name = $"{number:0000}-{Path.GetFileNameWithoutExtension(path)}.png";
        string? picture = null, labels = null, warning = null;
        if (_pictures)
        {
            var several = found.Select(f => f.Class).Distinct().Count() > 1;
            var options = new PaintOptions { ColorByInstance = !several, Labels = several || found.Count <= 20 };
            DetectionPainter.Draw(image, [.. found.Select(f => new PaintedObject { Mask = f.Mask, Category = f.Class, Label = f.Name, Score = f.Score })], options).Save(picture = Path.Combine(_folder, name));
        }

        if (_labels && found.Count > ushort.MaxValue)
            warning = $"{path}: {found.Count} objects are more than the {ushort.MaxValue} numbers of a label image: none was written";
        else if (_labels)
            LabelMasks.Join(image.Width, image.Height, [.. found.Select(f => f.Mask)]).Save(labels = Path.Combine(_folder, "labels", name));
        return (picture, labels, warning);
    }

    /// <summary>Brings the results so far to the disk.</summary>
    /// <exception cref="ConesException">They have no room; the message names the file that keeps those which had.</exception>
    public void Flush() => _results.Flush();

    /// <summary>Puts the result list and the table into their places.</summary>
    public void Complete()
    {
        _results.Complete();
        try
        {
            _table.Dispose();
            File.Move(_partialTable, TablePath, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{TablePath} cannot be written ({e.Message}): check that its folder may be written and has room", e);
        }
    }

    public void Dispose()
    {
        _results.Dispose();
        try
        {
            _table.Dispose();
        }
        catch (IOException)
        {
            // Complete has said that there is no room.
        }

        File.Delete(_partialTable);
    }

    static string Quoted(string text) => text.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
