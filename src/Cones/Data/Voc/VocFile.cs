using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Cones.Models;

namespace Cones.Data.Voc;

/// <summary>An object of a VOC file; what is absent is null, what is no number NaN.</summary>
sealed record VocObject(string? Name, bool Difficult, (double X1, double Y1, double X2, double Y2)? Corners);

/// <summary>A VOC annotation file as it is written.</summary>
sealed record VocFile(string? FileName, int? Width, int? Height, IReadOnlyList<VocObject> Objects)
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="ConesException">It cannot be read or is no VOC annotation.</exception>
    internal static VocFile Read(string path)
    {
        try
        {
            // A document type could name other files or unfold without end.
            using var reader = XmlReader.Create(path, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            var root = XDocument.Load(reader).Root!;
            if (root.Name.LocalName != "annotation") throw new ConesException($"is no VOC annotation: its root is <{root.Name.LocalName}>");
            var size = root.Element("size");
            return new VocFile(
                Text(root, "filename"), Whole(size, "width"), Whole(size, "height"), [.. root.Elements("object").Select(Object)]);
        }
        catch (XmlException e)
        {
            throw new ConesException($"is not valid XML ({e.Message.TrimEnd('.')})", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"cannot be read ({e.Message})", e);
        }
    }

    static VocObject Object(XElement element)
    {
        var box = element.Element("bndbox");
        return new VocObject(
            Text(element, "name"),
            Text(element, "difficult") is "1" or "true",
            box is null ? null : (Number(box, "xmin"), Number(box, "ymin"), Number(box, "xmax"), Number(box, "ymax")));
    }

    static string? Text(XElement element, string name) => element.Element(name)?.Value.Trim() is { Length: > 0 } text ? text : null;

    static int? Whole(XElement? element, string name) =>
        element is not null && int.TryParse(Text(element, name), NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) ? value : null;

    static double Number(XElement element, string name) =>
        double.TryParse(Text(element, name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN;
}
