using Cones.Models;

namespace Cones.Data.Coco;

/// <summary>Writes data sets in COCO's JSON.</summary>
public static class CocoWriter
{
    /// <summary>Writes a data set; annotations follow the order of the images.</summary>
    /// <param name="dataset">The data set; its numbers must be finite.</param>
    /// <param name="path">The file, which is replaced once all is written.</param>
    /// <exception cref="ConesException">The file cannot be written.</exception>
    public static void Write(DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        using var file = new CocoJsonFile(path);
        file.Json.WriteStartObject();
        WriteCategories(file, dataset);
        WriteImages(file, dataset);
        WriteAnnotations(file, dataset);
        file.Json.WriteEndObject();
        file.Complete();
    }

    static void WriteCategories(CocoJsonFile file, DetectionDataset dataset)
    {
        file.Json.WriteStartArray("categories");
        foreach (var category in dataset.Categories)
        {
            file.Json.WriteStartObject();
            file.Json.WriteNumber("id", category.Id);
            file.Json.WriteString("name", category.Name);
            if (category.Supercategory is { } supercategory) file.Json.WriteString("supercategory", supercategory);
            file.Json.WriteEndObject();
        }

        file.Json.WriteEndArray();
    }

    static void WriteImages(CocoJsonFile file, DetectionDataset dataset)
    {
        file.Json.WriteStartArray("images");
        foreach (var image in dataset.Images)
        {
            file.Json.WriteStartObject();
            file.Json.WriteNumber("id", image.Id);
            file.Json.WriteString("file_name", image.FileName);
            file.Json.WriteNumber("width", image.Width);
            file.Json.WriteNumber("height", image.Height);
            file.Json.WriteEndObject();
            file.EndRecord();
        }

        file.Json.WriteEndArray();
    }

    static void WriteAnnotations(CocoJsonFile file, DetectionDataset dataset)
    {
        file.Json.WriteStartArray("annotations");
        foreach (var image in dataset.Images)
        {
            foreach (var annotation in image.Annotations)
            {
                file.Json.WriteStartObject();
                file.Json.WriteNumber("id", annotation.Id);
                file.Json.WriteNumber("image_id", image.Id);
                file.Json.WriteNumber("category_id", annotation.CategoryId);
                file.WriteBox(annotation.Box);
                file.Json.WriteNumber("area", annotation.Area);
                file.Json.WriteNumber("iscrowd", annotation.IsCrowd ? 1 : 0);
                if (annotation.Segmentation is { } segmentation) file.WriteSegmentation(segmentation);
                file.Json.WriteEndObject();
                file.EndRecord();
            }
        }

        file.Json.WriteEndArray();
    }
}
