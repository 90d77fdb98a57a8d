using Cones.Models;

namespace Cones.Data;

/// <summary>Finds image files whose headers are fine and whose pixels are not.</summary>
public static class DecodedImages
{
    /// <summary>Decodes every image once, on all cores.</summary>
    /// <param name="dataset">The images.</param>
    /// <param name="source">The data set's name, for messages.</param>
    /// <param name="checks">Whether broken images are left out or the data set is refused.</param>
    /// <returns>The images that can be decoded, and a report of the others.</returns>
    /// <exception cref="DataException">The checks are strict and an image is broken.</exception>
    public static DatasetReading Check(DetectionDataset dataset, string source, DataChecks checks)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var problems = new string?[dataset.Images.Count];
        Parallel.For(0, problems.Length, i => problems[i] = Problem(dataset.Images[i]));
        var report = new DataReport();
        for (var i = 0; i < problems.Length; i++)
        {
            if (problems[i] is { } problem)
                report.Add(DataProblemKind.UnreadableImage, source, $"image {dataset.Images[i].Id} cannot be used: {problem}", "skipped with its annotations");
        }

        if (report.IsClean) return new DatasetReading(dataset, report);
        if (checks == DataChecks.Strict)
            throw new DataException($"{source} is refused: {report.Summary(100)}\nMend these images, or read without the strict check (--strict) to skip them", report);
        return new DatasetReading(dataset.Select([.. dataset.Images.Where((_, i) => problems[i] is null).Select(i => i.Id)]), report);
    }

    static string? Problem(DatasetImage image)
    {
        try
        {
            image.Load();
            return null;
        }
        catch (ConesException e)
        {
            return e.Message;
        }
    }
}
