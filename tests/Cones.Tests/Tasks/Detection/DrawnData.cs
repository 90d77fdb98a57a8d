using Cones.Data;
using Cones.Models.Imaging;

namespace Cones.Tests.Tasks.Detection;

/// <summary>Pictures of coloured rectangles with their boxes, for the tiny detector of the goldens.</summary>
static class DrawnData
{
    public static readonly string Model = Golden("glip/model_a");
    public static readonly string OtherModel = Golden("glip/model_b");

    /// <summary>Pictures of different sizes; a cat is red, a dog is blue.</summary>
    public static DetectionDataset Make(string folder, int count, int seed = 1)
    {
        var random = new Random(seed);
        var images = new List<DatasetImage>();
        for (var i = 0; i < count; i++)
        {
            var image = new RgbImage(96 + (8 * (i % 2)), 72);
            Array.Fill(image.Pixels, (byte)200);
            var annotations = new List<DatasetAnnotation>();
            for (var k = 0; k < 2; k++)
            {
                var (x, y, w, h) = (4 + (44 * k) + random.Next(6), 4 + random.Next(20), 24 + random.Next(12), 24 + random.Next(16));
                for (var row = y; row < y + h; row++)
                    for (var column = x; column < x + w; column++) Paint(image, column, row, k == 0 ? (byte)230 : (byte)20, k == 0 ? (byte)20 : (byte)230);
                annotations.Add(new DatasetAnnotation { Id = (10 * i) + k + 1, CategoryId = k + 1, Box = new BoundingBox(x, y, w, h), Area = w * h });
            }

            var path = Path.Combine(folder, $"drawn-{seed}-{i}.png");
            image.Save(path);
            images.Add(new DatasetImage { Id = i + 1, FileName = Path.GetFileName(path), Path = path, Width = image.Width, Height = image.Height, Annotations = annotations });
        }

        return new DetectionDataset([new(1, "cat"), new(2, "remote control")], images);
    }

    public static string Golden(string path)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "cones.slnx"))) folder = folder.Parent!;
        return Path.Combine(folder.FullName, "tests", "goldens", path);
    }

    static void Paint(RgbImage image, int x, int y, byte red, byte blue)
    {
        var at = 3 * ((y * image.Width) + x);
        (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]) = (red, 20, blue);
    }
}
