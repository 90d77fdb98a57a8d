using Cones.Data;
using Cones.Data.Coco;

namespace Cones.Bench.Detection;

/// <summary>A random data set with detections: each object found about 2.5 times with shifted corners, and about 7 wrong boxes an image.</summary>
static class CocoScene
{
    const int Side = 640;

    public static (DetectionDataset Dataset, IReadOnlyList<CocoResult> Results) Create(int images, int classes, int seed)
    {
        var random = new Random(seed);
        var list = new List<DatasetImage>();
        var results = new List<CocoResult>();
        long annotations = 0;
        for (var i = 1; i <= images; i++)
        {
            var objects = new List<DatasetAnnotation>();
            for (var n = random.Next(0, 16); n > 0; n--)
            {
                var box = Box(random);
                var category = random.Next(1, classes + 1);
                objects.Add(new DatasetAnnotation { Id = ++annotations, CategoryId = category, Box = box, Area = box.Area * 0.7, IsCrowd = random.Next(100) == 0 });
                for (var found = random.Next(1, 5); found > 0; found--) results.Add(Detection(i, category, random.NextDouble(), Shifted(box, random)));
            }

            for (var wrong = random.Next(0, 15); wrong > 0; wrong--) results.Add(Detection(i, random.Next(1, classes + 1), random.NextDouble() / 2, Box(random)));
            list.Add(new DatasetImage { Id = i, FileName = $"{i:000000}.jpg", Width = Side, Height = Side, Annotations = objects });
        }

        return (new DetectionDataset([.. Enumerable.Range(1, classes).Select(c => new DatasetCategory(c, $"class {c}"))], list), results);
    }

    static CocoResult Detection(long image, long category, double score, BoundingBox box) =>
        new() { ImageId = image, CategoryId = category, Score = score, Box = box };

    // Sides from 8 to 320 pixels, short ones more often.
    static BoundingBox Box(Random random)
    {
        var (width, height) = (8 * Math.Pow(40, random.NextDouble()), 8 * Math.Pow(40, random.NextDouble()));
        return new BoundingBox(random.NextDouble() * (Side - width), random.NextDouble() * (Side - height), width, height);
    }

    static BoundingBox Shifted(BoundingBox box, Random random)
    {
        double Shift(double side) => (random.NextDouble() - 0.5) * 0.4 * side;
        return new BoundingBox(box.X + Shift(box.Width), box.Y + Shift(box.Height), box.Width + Shift(box.Width), box.Height + Shift(box.Height));
    }
}
