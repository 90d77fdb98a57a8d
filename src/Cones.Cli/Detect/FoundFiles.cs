using System.Globalization;
using System.Text;
using Cones.Data.Coco;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using Cones.Tasks.Detection;
using Cones.Visualization;

namespace Cones.Cli.Detect;

/// <summary>Writes what was found in pictures: the pictures with boxes, COCO's result list, a table.</summary>
/// <param name="folder">Where the files go.</param>
/// <param name="pictures">Whether pictures with boxes are written.</param>
sealed class FoundFiles(string folder, bool pictures)
{
    readonly List<CocoResult> _results = [];
    readonly StringBuilder _table = new("image_id,image,class,score,x,y,width,height\n");

    /// <summary>COCO's result list; images are numbered from 1 in their order, classes from 1 in that of the prompt.</summary>
    public string ResultPath => Path.Combine(folder, "detections.json");

    /// <summary>The table.</summary>
    public string TablePath => Path.Combine(folder, "detections.csv");

    /// <summary>Takes in what was found in an image.</summary>
    /// <returns>The picture that was written, or null.</returns>
    public string? Add(int number, string path, RgbImage image, IReadOnlyList<FoundObject> found)
    {
        foreach (var item in found)
        {
            _results.Add(new CocoResult { ImageId = number, CategoryId = item.Class + 1, Score = item.Score, Box = item.Box });
            _table.Append(CultureInfo.InvariantCulture, $"{number},{Quoted(path)},{Quoted(item.Name)},{item.Score:0.####},{item.Box.X:0.##},{item.Box.Y:0.##},{item.Box.Width:0.##},{item.Box.Height:0.##}\n");
        }

        if (!pictures) return null;
        var target = Path.Combine(folder, $"{number:0000}-{Path.GetFileNameWithoutExtension(path)}.png");
        DetectionPainter.Draw(image, [.. found.Select(f => new PaintedObject { Box = f.Box, Category = f.Class, Label = f.Name, Score = f.Score })]).Save(target);
        return target;
    }

    /// <summary>Writes the result list and the table.</summary>
    public void Complete()
    {
        CocoResultWriter.Write(_results, ResultPath);
        AtomicFile.Write(TablePath, s => s.Write(Encoding.UTF8.GetBytes(_table.ToString())));
    }

    static string Quoted(string text) => text.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
