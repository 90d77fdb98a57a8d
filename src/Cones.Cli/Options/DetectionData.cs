using Cones.Data;
using Cones.Data.Coco;

namespace Cones.Cli.Options;

/// <summary>Reads annotated images for commands, and says on stderr what was wrong with them.</summary>
static class DetectionData
{
    /// <summary>Reads COCO's JSON.</summary>
    /// <param name="path">The file.</param>
    /// <param name="images">The folder of the images, or null for the one that the file implies.</param>
    /// <param name="checks">What happens to broken records.</param>
    /// <param name="error">Told about broken records.</param>
    public static DetectionDataset Read(string path, string? images, DataChecks checks, TextWriter error)
    {
        var reading = CocoReader.Read(path, new DataReadOptions { Checks = checks, ImageFolder = images });
        if (!reading.Report.IsClean) error.WriteLine($"warning: {reading.Report.Summary(3)}");
        return reading.Dataset;
    }
}
