using Cones.Data;
using Cones.Data.Augmentation;
using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Tests.Data.Augmentation;

public sealed class AugmentationTests
{
    static readonly DetectionDataset s_dataset = new(
        [new(7, "a"), new(9, "b")],
        [
            new DatasetImage
            {
                Id = 1,
                FileName = "a.png",
                Width = 60,
                Height = 40,
                Annotations =
                [
                    Annotation(1, 9, new BoundingBox(5, 6, 20, 10)),
                    Annotation(2, 7, new BoundingBox(50, 30, 20, 20)),
                    Annotation(3, 7, new BoundingBox(0, 0, 60, 40)) with { IsCrowd = true },
                    Annotation(4, 8, new BoundingBox(1, 1, 5, 5)),
                    Annotation(5, 7, new BoundingBox(70, 1, 5, 5)),
                ],
            },
        ]);

    // Each object has the mask of its box inside the image.
    static DatasetAnnotation Annotation(long id, long category, BoundingBox box) => new()
    {
        Id = id,
        CategoryId = category,
        Box = box,
        Area = box.Area,
        Segmentation = Segmentation.FromMask(Segmentation.FromBox(box).ToMask(40, 60)),
    };

    static RgbImage Pixels()
    {
        var pixels = new byte[60 * 40 * 3];
        new Random(1).NextBytes(pixels);
        return new RgbImage(60, 40, pixels);
    }

    static DetectionSample Sample(BoxConvention convention, bool keepCrowds = false) =>
        DetectionSample.Create(s_dataset, s_dataset.Images[0], Pixels(), convention, keepCrowds);

    [Fact]
    public void A_sample_has_the_objects_that_can_be_trained_on()
    {
        var sample = Sample(BoxConvention.Continuous);
        Assert.Equal([1, 0], sample.Instances.Select(i => i.Category));
        Assert.Equal(new BoundingBox(50, 30, 10, 10), sample.Instances[1].Corners);
        Assert.Equal(3, Sample(BoxConvention.Continuous, keepCrowds: true).Instances.Count);
        Assert.Equal(BoundingBox.FromCorners(50, 30, 59, 39), Sample(BoxConvention.Inclusive).Instances[1].Corners);
        Assert.Throws<ArgumentException>(() => DetectionSample.Create(s_dataset, s_dataset.Images[0], new RgbImage(40, 60), BoxConvention.Continuous));
    }

    // The numbers of GLIP's BoxList: clip, drop what is empty, resize, flip, and back.
    [Fact]
    public void Inclusive_corners_are_those_of_GLIP()
    {
        const BoxConvention Glip = BoxConvention.Inclusive;
        BoundingBox[] coco = [new(10.5, 20.25, 30, 41.5), new(0, 0, 1, 1), new(200, 100, 80, 60), new(-4, 5, 20, 30), new(50, 60, 0.5, 7)];
        var clipped = coco.Select(b => Glip.Clip(Glip.FromCoco(b), 251, 133)).ToArray();
        Assert.Equal([true, false, true, true, false], clipped.Select(b => b.HasExtent));
        Assert.Equal(BoundingBox.FromCorners(200, 100, 250, 132), clipped[2]);
        Assert.Equal(BoundingBox.FromCorners(0, 5, 15, 34), clipped[3]);
        Assert.Equal(new BoundingBox(200, 100, 51, 33), Glip.ToCoco(clipped[2]));

        var annotations = coco.Select((b, i) => new DatasetAnnotation { Id = i, CategoryId = 1, Box = b, Area = b.Area }).ToArray();
        var dataset = new DetectionDataset([new(1, "a")], [new DatasetImage { Id = 1, FileName = "", Width = 251, Height = 133, Annotations = annotations }]);
        var resized = DetectionSample.Create(dataset, dataset.Images[0], new RgbImage(251, 133), Glip).Resize(new ImageSize(166, 314));
        AssertClose([13.135457992553711, 25.274436950683594, 49.41434097290039, 75.82331085205078], resized.Instances[0].Corners);
        AssertClose([250.19920349121094, 124.81202697753906, 312.7489929199219, 164.7518768310547], resized.Instances[1].Corners);
        AssertClose([294.23504638671875, 6.240601539611816, 313.0, 42.43608856201172], resized.FlipHorizontal().Instances[2].Corners);
    }

    static void AssertClose(double[] expected, BoundingBox box)
    {
        Assert.Equal(expected[0], box.X, 1e-4);
        Assert.Equal(expected[1], box.Y, 1e-4);
        Assert.Equal(expected[2], box.Right, 1e-4);
        Assert.Equal(expected[3], box.Bottom, 1e-4);
    }

    [Theory]
    [InlineData(640, 480, 800, 1333, 1066, 800)]
    [InlineData(480, 640, 800, 1333, 800, 1066)]
    [InlineData(1000, 300, 800, 1333, 1333, 400)]
    [InlineData(800, 800, 800, 1333, 800, 800)]
    [InlineData(1920, 1080, 800, 1333, 1333, 750)]
    [InlineData(427, 640, 800, 1333, 800, 1199)]
    [InlineData(799, 1331, 800, 1333, 800, 1332)]
    [InlineData(83, 61, 72, 120, 97, 72)]
    [InlineData(2000, 333, 800, 1333, 1333, 222)]
    public void Sizes_are_those_of_GLIP(int width, int height, int shortSide, int longSide, int newWidth, int newHeight) =>
        Assert.Equal(new ImageSize(newHeight, newWidth), ResizeRules.Glip(new ImageSize(height, width), shortSide, longSide));

    // mmcv.rescale_size((w, h), (long, short)) by hand.
    [Theory]
    [InlineData(640, 480, 800, 1333, 1067, 800)]
    [InlineData(427, 640, 800, 1333, 800, 1199)]
    [InlineData(1920, 1080, 800, 1333, 1333, 750)]
    [InlineData(1000, 10, 480, 1333, 1333, 13)]
    [InlineData(5000, 1, 480, 1333, 1333, 1)]
    public void Sizes_are_those_of_mmcv(int width, int height, int shortSide, int longSide, int newWidth, int newHeight) =>
        Assert.Equal(new ImageSize(newHeight, newWidth), ResizeRules.Mmcv(new ImageSize(height, width), shortSide, longSide));

    [Theory]
    [InlineData(BoxConvention.Continuous)]
    [InlineData(BoxConvention.Inclusive)]
    public void Two_flips_change_nothing(BoxConvention convention)
    {
        var sample = Sample(convention);
        var twice = sample.FlipHorizontal().FlipHorizontal();
        Assert.Equal(sample.Image.Pixels, twice.Image.Pixels);
        Assert.Equal(sample.Instances.Select(i => i.Corners), twice.Instances.Select(i => i.Corners));
        Assert.Equal(sample.Instances.Select(i => i.Segmentation!.Mask!.ToCompressed()), twice.Instances.Select(i => i.Segmentation!.Mask!.ToCompressed()));
    }

    [Theory]
    [InlineData(BoxConvention.Continuous)]
    [InlineData(BoxConvention.Inclusive)]
    public void Boxes_and_masks_stay_together(BoxConvention convention)
    {
        var sample = Sample(convention);
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new AugmentationRandom(seed, 0, 0);
            IAugmentation[] steps = [new RandomHorizontalFlip(), new RandomCrop(25, 39), new RandomShortSideResize([30, 50], 200, ResizeRules.Mmcv)];
            var changed = new AugmentationSequence(steps).Apply(sample, random);
            foreach (var instance in changed.Instances)
            {
                Assert.Equal(changed.Image.Size, new ImageSize(instance.Segmentation!.Mask!.Height, instance.Segmentation.Mask.Width));
                var box = convention.ToCoco(instance.Corners);
                var mask = instance.Segmentation.Mask.Box;
                Assert.Equal(box.X, mask.X, 1.5);
                Assert.Equal(box.Y, mask.Y, 1.5);
                Assert.Equal(box.Right, mask.Right, 2.6);
                Assert.Equal(box.Bottom, mask.Bottom, 2.6);
            }
        }
    }

    [Fact]
    public void A_crop_moves_cuts_and_drops()
    {
        var part = Sample(BoxConvention.Continuous).Crop(10, 8, new ImageSize(20, 30));
        var instance = Assert.Single(part.Instances);
        Assert.Equal(new BoundingBox(0, 0, 15, 8), instance.Corners);
        Assert.Equal(new BoundingBox(0, 0, 15, 8), instance.Segmentation!.Mask!.Box);
        Assert.Equal(Pixels().Crop(10, 8, 30, 20).Pixels, part.Image.Pixels);
        Assert.Empty(Sample(BoxConvention.Continuous).Crop(30, 0, new ImageSize(20, 10)).Instances);
        Assert.Throws<ArgumentOutOfRangeException>(() => part.Crop(0, 0, new ImageSize(21, 30)));
    }

    [Fact]
    public void A_sample_follows_from_seed_epoch_and_index_alone()
    {
        var recipe = AugmentationRecipe.Glip(shortSides: [20, 30, 40], longSide: 80);
        DetectionSample At(long seed, long epoch) => recipe.Apply(s_dataset, 0, Pixels(), seed, epoch);
        var late = At(1, 9);
        for (var epoch = 0; epoch < 9; epoch++) At(1, epoch);
        Assert.Equal(late.Image.Pixels, At(1, 9).Image.Pixels);
        Assert.Equal(late.Instances.Select(i => i.Corners), At(1, 9).Instances.Select(i => i.Corners));
        Assert.True(Enumerable.Range(0, 12).Select(e => (At(1, e).Image.Size, At(1, e).Instances[0].Corners)).Distinct().Count() > 4);
        Assert.NotEqual(Enumerable.Range(0, 12).Select(e => At(1, e).Image.Size), Enumerable.Range(0, 12).Select(e => At(2, e).Image.Size));
    }

    [Fact]
    public void The_recipe_of_GLIP_takes_each_length_and_half_of_the_flips()
    {
        var steps = (AugmentationSequence)AugmentationRecipe.Glip().Steps;
        var resize = (RandomShortSideResize)steps.Steps[0];
        Assert.Equal([480, 560, 640, 720, 800], resize.ShortSides);
        Assert.Equal(1333, resize.LongSide);
        var lengths = new int[5];
        var flips = 0;
        for (var i = 0; i < 1000; i++)
        {
            var random = new AugmentationRandom(5, i, 3);
            lengths[resize.ShortSides.ToList().IndexOf(random.Choose(resize.ShortSides))]++;
            if (random.NextDouble() < 0.5) flips++;
        }

        Assert.All(lengths, n => Assert.InRange(n, 160, 240));
        Assert.InRange(flips, 450, 550);
    }

    [Fact]
    public void The_recipe_of_MM_Grounding_DINO_gives_its_sizes()
    {
        var recipe = AugmentationRecipe.MmGroundingDino();
        var sizes = Enumerable.Range(0, 12).Select(e => recipe.Apply(s_dataset, 0, Pixels(), 1, e).Image.Size).ToArray();
        Assert.All(sizes, s => Assert.InRange(Math.Max(s.Height, s.Width), 480, 1333));
        Assert.All(sizes, s => Assert.True(Math.Max(s.Height, s.Width) == 1333 || (Math.Min(s.Height, s.Width) - 480) % 32 == 0, s.ToString()));
        // Parts of the image have other shapes than the whole.
        Assert.Contains(sizes, s => Math.Abs(((double)s.Width / s.Height) - 1.5) < 0.01);
        Assert.Contains(sizes, s => Math.Abs(((double)s.Width / s.Height) - 1.5) > 0.05);
    }

    [Fact]
    public void Random_numbers_stay_in_their_range()
    {
        var random = new AugmentationRandom(1, 2, 3);
        var seen = new HashSet<int>();
        for (var i = 0; i < 200; i++)
        {
            seen.Add(random.NextInt(-2, 2));
            Assert.InRange(random.NextDouble(), 0, 1 - 1e-16);
        }

        Assert.Equal([-2, -1, 0, 1, 2], seen.Order());
        Assert.Equal(4, random.NextInt(4, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt(1, 0));
    }
}
