using System.Text.Json;
using Cones.Data.Masks;

namespace Cones.Data.Coco;

/// <summary>Values of COCO records. Each method leaves the reader at the end of the value, whatever the value is.</summary>
static class CocoValues
{
    /// <summary>A whole number, also one written as 3.0; null for anything else.</summary>
    internal static long? Integer(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            if (reader.TryGetInt64(out var integer)) return integer;
            if (reader.TryGetDouble(out var number) && Math.Abs(number) < 1L << 53 && number == Math.Floor(number)) return (long)number;
            return null;
        }

        reader.Skip();
        return null;
    }

    /// <summary>A number; NaN for anything else, numbers too large for float64 among them.</summary>
    internal static double Number(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number) return reader.TryGetDouble(out var number) && double.IsFinite(number) ? number : double.NaN;
        reader.Skip();
        return double.NaN;
    }

    /// <summary>COCO's iscrowd: 0 and 1, or a truth value.</summary>
    internal static bool Flag(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.True || (reader.TokenType != JsonTokenType.False && Integer(ref reader) is { } value && value != 0);

    /// <summary>Text, or null for anything else.</summary>
    internal static string? Text(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String) return reader.GetString();
        reader.Skip();
        return null;
    }

    /// <summary>A list of numbers, NaN for what is none; null for anything but a list.</summary>
    internal static double[]? Numbers(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return null;
        }

        var numbers = new List<double>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) numbers.Add(Number(ref reader));
        return [.. numbers];
    }

    /// <summary>Polygons or run lengths. An empty list is no segmentation: many tools write it for boxes.</summary>
    /// <param name="reader">At the value.</param>
    /// <param name="fault">What is wrong with it, the end of a sentence; null if nothing.</param>
    internal static Segmentation? Segmentation(ref Utf8JsonReader reader, out string? fault)
    {
        fault = null;
        try
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartArray:
                    return Polygons(ref reader);
                case JsonTokenType.StartObject:
                    return Masks.Segmentation.FromMask(RunLengths(ref reader));
                case JsonTokenType.Null:
                    return null;
                default:
                    fault = "has a segmentation that is neither polygons nor run lengths";
                    return null;
            }
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            fault = $"has a segmentation that is no mask ({e.Message.Split(" (Parameter")[0]})";
            return null;
        }
    }

    static Segmentation? Polygons(ref Utf8JsonReader reader)
    {
        var polygons = new List<double[]>();
        var isList = true;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (Numbers(ref reader) is { } polygon) polygons.Add(polygon);
            else isList = false;
        }

        if (!isList) throw new FormatException("a polygon is not a list of numbers");
        return polygons.Count == 0 ? null : Masks.Segmentation.FromPolygons(polygons);
    }

    static RleMask RunLengths(ref Utf8JsonReader reader)
    {
        double[]? size = null, counts = null;
        string? text = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var isSize = reader.ValueTextEquals("size"u8);
            var isCounts = reader.ValueTextEquals("counts"u8);
            reader.Read();
            if (isSize) size = Numbers(ref reader);
            else if (isCounts && reader.TokenType == JsonTokenType.String) text = reader.GetString();
            else if (isCounts) counts = Numbers(ref reader);
            else reader.Skip();
        }

        if (size is not [>= 1 and < int.MaxValue, >= 1 and < int.MaxValue]) throw new FormatException("the size [height, width] is missing");
        var (height, width) = ((int)size[0], (int)size[1]);
        if (text is not null) return RleMask.FromCompressed(height, width, text);
        if (counts is null) throw new FormatException("the counts are missing");
        var runs = new uint[counts.Length];
        for (var i = 0; i < runs.Length; i++)
        {
            if (!(counts[i] is >= 0 and <= uint.MaxValue) || counts[i] != Math.Floor(counts[i])) throw new FormatException($"run {i} has the length {counts[i]}");
            runs[i] = (uint)counts[i];
        }

        return new RleMask(height, width, runs);
    }
}
