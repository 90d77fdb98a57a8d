using System.Text.Json;
using Cones.Models;

namespace Cones.Data.Coco;

/// <summary>Reads COCO's result lists: a JSON array of detections.</summary>
public static class CocoResultReader
{
    /// <summary>Reads a whole list.</summary>
    /// <param name="path">The JSON file.</param>
    /// <param name="report">Takes the broken records, which are skipped; null refuses the file at the first one.</param>
    /// <exception cref="ConesException">The file cannot be read, is no JSON or no list; or a record is broken and there is no report.</exception>
    public static IReadOnlyList<CocoResult> Read(string path, DataReport? report = null) => [.. Stream(path, report)];

    /// <summary>As <see cref="Read"/>, one record after the other: a list of any length takes the memory of one record.</summary>
    public static IEnumerable<CocoResult> Stream(string path, DataReport? report = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Records(path, report);
    }

    static IEnumerable<CocoResult> Records(string path, DataReport? report)
    {
        using var reader = new JsonRecordReader(path);
        if (reader.Next(out _) != JsonTokenType.StartArray)
            throw new ConesException($"{path} is not a list of COCO results: it must begin with [");
        var number = 0;
        CocoResult? result = null;
        (DataProblemKind Kind, string Sentence)? fault = null;
        while (reader.NextElement(Parse))
        {
            if (fault is var (kind, sentence))
            {
                var record = $"result {number} {sentence}";
                if (report is null) throw new ConesException($"{path}: {record}: mend it or leave it out");
                report.Add(kind, path, record, "skipped");
            }
            else
            {
                yield return result!;
            }

            number++;
        }

        if (reader.Next(out _) != JsonTokenType.None) throw reader.Malformed("something follows the end");

        void Parse(ReadOnlySpan<byte> json)
        {
            if (json[0] != '{')
            {
                fault = (DataProblemKind.Malformed, "is not an object");
                return;
            }

            var record = CocoObjectRecord.Parse(json);
            fault = Fault(record);
            if (fault is not null) return;
            result = new CocoResult
            {
                ImageId = record.ImageId!.Value,
                CategoryId = record.CategoryId!.Value,
                Score = record.Score!.Value,
                Box = record.Box,
                Segmentation = record.Segmentation,
            };
        }
    }

    static (DataProblemKind Kind, string Sentence)? Fault(CocoObjectRecord record)
    {
        if (record.ImageId is null) return (DataProblemKind.MissingValue, "has no image_id that is a whole number");
        if (record.CategoryId is null) return (DataProblemKind.MissingValue, "has no category_id that is a whole number");
        if (record.Score is null) return (DataProblemKind.MissingValue, "has no score");
        if (double.IsNaN(record.Score.Value)) return (DataProblemKind.InvalidNumber, "has a score that is no finite number");
        if (record.SegmentationFault is { } fault) return (DataProblemKind.InvalidSegmentation, fault);
        if (record.Box is { IsFinite: false }) return (DataProblemKind.InvalidNumber, "has a bbox with a value that is no finite number");
        if (record.Box is null && record.HasBox) return (DataProblemKind.MissingValue, "has a bbox that is not a list of four numbers");
        if (record.Box is null && record.Segmentation is null) return (DataProblemKind.MissingValue, "has neither bbox nor segmentation");
        return null;
    }
}
