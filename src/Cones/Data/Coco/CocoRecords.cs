using System.Text.Json;
using Cones.Data.Masks;

namespace Cones.Data.Coco;

/// <summary>An entry of <c>images</c> as it stands in the file; null is absent or of the wrong type.</summary>
sealed record CocoImageRecord(long? Id, string? FileName, long? Width, long? Height)
{
    internal static CocoImageRecord Parse(ReadOnlySpan<byte> json)
    {
        long? id = null, width = null, height = null;
        string? fileName = null;
        var reader = new Utf8JsonReader(json);
        for (reader.Read(); reader.Read() && reader.TokenType == JsonTokenType.PropertyName;)
        {
            if (reader.ValueTextEquals("id"u8) && reader.Read()) id = CocoValues.Integer(ref reader);
            else if (reader.ValueTextEquals("file_name"u8) && reader.Read()) fileName = CocoValues.Text(ref reader);
            else if (reader.ValueTextEquals("width"u8) && reader.Read()) width = CocoValues.Integer(ref reader);
            else if (reader.ValueTextEquals("height"u8) && reader.Read()) height = CocoValues.Integer(ref reader);
            else reader.Skip();
        }

        return new CocoImageRecord(id, fileName, width, height);
    }
}

/// <summary>An entry of <c>categories</c> as it stands in the file.</summary>
sealed record CocoCategoryRecord(long? Id, string? Name, string? Supercategory)
{
    internal static CocoCategoryRecord Parse(ReadOnlySpan<byte> json)
    {
        long? id = null;
        string? name = null, supercategory = null;
        var reader = new Utf8JsonReader(json);
        for (reader.Read(); reader.Read() && reader.TokenType == JsonTokenType.PropertyName;)
        {
            if (reader.ValueTextEquals("id"u8) && reader.Read()) id = CocoValues.Integer(ref reader);
            else if (reader.ValueTextEquals("name"u8) && reader.Read()) name = CocoValues.Text(ref reader);
            else if (reader.ValueTextEquals("supercategory"u8) && reader.Read()) supercategory = CocoValues.Text(ref reader);
            else reader.Skip();
        }

        return new CocoCategoryRecord(id, name, supercategory);
    }
}

/// <summary>An entry of <c>annotations</c>, or of a result list, as it stands in the file.</summary>
/// <param name="Id">The annotation's id.</param>
/// <param name="ImageId">Its image.</param>
/// <param name="CategoryId">Its class.</param>
/// <param name="Box">The box; its numbers may be NaN.</param>
/// <param name="HasBox">Whether there is a value of the name <c>bbox</c> other than null and the empty list.</param>
/// <param name="Area">The area, NaN where it is no number.</param>
/// <param name="Score">A result's score, NaN where it is no number.</param>
/// <param name="IsCrowd">The crowd mark.</param>
/// <param name="Segmentation">The outline.</param>
/// <param name="SegmentationFault">What is wrong with the outline, the end of a sentence.</param>
sealed record CocoObjectRecord(
    long? Id, long? ImageId, long? CategoryId, BoundingBox? Box, bool HasBox, double? Area, double? Score, bool IsCrowd,
    Segmentation? Segmentation, string? SegmentationFault)
{
    internal static CocoObjectRecord Parse(ReadOnlySpan<byte> json)
    {
        long? id = null, imageId = null, categoryId = null;
        BoundingBox? box = null;
        double? area = null, score = null;
        Segmentation? segmentation = null;
        string? fault = null;
        bool crowd = false, hasBox = false;
        var reader = new Utf8JsonReader(json);
        for (reader.Read(); reader.Read() && reader.TokenType == JsonTokenType.PropertyName;)
        {
            if (reader.ValueTextEquals("bbox"u8) && reader.Read()) (box, hasBox) = ParseBox(ref reader);
            else if (reader.ValueTextEquals("image_id"u8) && reader.Read()) imageId = CocoValues.Integer(ref reader);
            else if (reader.ValueTextEquals("category_id"u8) && reader.Read()) categoryId = CocoValues.Integer(ref reader);
            else if (reader.ValueTextEquals("id"u8) && reader.Read()) id = CocoValues.Integer(ref reader);
            else if (reader.ValueTextEquals("area"u8) && reader.Read()) area = reader.TokenType == JsonTokenType.Null ? null : CocoValues.Number(ref reader);
            else if (reader.ValueTextEquals("score"u8) && reader.Read()) score = CocoValues.Number(ref reader);
            else if (reader.ValueTextEquals("iscrowd"u8) && reader.Read()) crowd = CocoValues.Flag(ref reader);
            else if (reader.ValueTextEquals("segmentation"u8) && reader.Read()) segmentation = CocoValues.Segmentation(ref reader, out fault);
            else reader.Skip();
        }

        return new CocoObjectRecord(id, imageId, categoryId, box, hasBox, area, score, crowd, segmentation, fault);
    }

    static (BoundingBox? Box, bool HasBox) ParseBox(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null) return (null, false);
        return CocoValues.Numbers(ref reader) switch
        {
            [var x, var y, var width, var height] => (new BoundingBox(x, y, width, height), true),
            [] => (null, false),
            _ => (null, true),
        };
    }
}
