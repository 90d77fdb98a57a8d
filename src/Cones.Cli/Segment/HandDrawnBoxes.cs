using System.CommandLine;
using System.Globalization;
using Cones.Data;
using Cones.Models;
using Cones.Tasks.Segmentation;

namespace Cones.Cli.Segment;

/// <summary>Boxes that the command line itself has, the same on every picture.</summary>
static class HandDrawnBoxes
{
    /// <summary>The option that takes a box.</summary>
    public static Option<string[]> Option() => new("--box")
    {
        Description = "A box by its corners in pixels, on every picture; several are named one after the other. With classes that have names: NAME=X0,Y0,X1,Y1.",
        HelpName = "X0,Y0,X1,Y1",
    };

    /// <summary>The boxes, as detections that are sure.</summary>
    /// <param name="texts">What was written.</param>
    /// <param name="classes">The classes; the only one needs no name.</param>
    /// <exception cref="ConesException">One is no box, or of no class.</exception>
    public static IReadOnlyList<PromptBox> Read(IEnumerable<string> texts, IReadOnlyList<string> classes) => [.. texts.Select(text =>
    {
        var end = text.LastIndexOf('=');
        var numbers = text[(end + 1)..].Split(',');
        var corners = new double[4];
        if (numbers.Length != 4 || numbers.Where((n, i) => !double.TryParse(n, NumberStyles.Float, CultureInfo.InvariantCulture, out corners[i]) || !double.IsFinite(corners[i])).Any()
            || corners[2] <= corners[0] || corners[3] <= corners[1])
            throw new ConesException($"'{text}' is no box: give left, top, right and bottom in pixels, such as 20,30,110,90 (--box)");
        if (end < 0 && classes.Count > 1) throw new ConesException($"the box {text} is of no class: write NAME={text} with one of {string.Join(", ", classes.Take(20))} (--box)");
        var name = end < 0 ? classes[0] : text[..end];
        if (!classes.Contains(name)) throw new ConesException($"the box {text} is of the class '{name}', there is only {string.Join(", ", classes.Take(20))} (--box)");
        return new PromptBox(name, 1, BoundingBox.FromCorners(corners[0], corners[1], corners[2], corners[3]));
    })];
}
