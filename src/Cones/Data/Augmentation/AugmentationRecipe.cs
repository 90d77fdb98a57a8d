using Cones.Models.Imaging;

namespace Cones.Data.Augmentation;

/// <summary>How a detector's own training changes its images.</summary>
/// <param name="Convention">What second corners mean to the detector.</param>
/// <param name="KeepCrowds">Whether crowds are kept in samples.</param>
/// <param name="Steps">The changes.</param>
public sealed record AugmentationRecipe(BoxConvention Convention, bool KeepCrowds, IAugmentation Steps)
{
    const int LongSide = 1333;

    /// <summary>GLIP: the short side is one of five lengths, then a flip. Inclusive corners, no crowds.</summary>
    /// <remarks>Reference: <c>data/transforms/build.py</c> and <c>configs/pretrain/glip_Swin_T_O365_GoldG.yaml</c> (MULT_MIN_SIZE_TRAIN).</remarks>
    /// <param name="shortSides">The lengths; null takes 480, 560, 640, 720, 800.</param>
    /// <param name="longSide">The largest length of the long side.</param>
    /// <param name="flipProbability">The probability of the flip.</param>
    public static AugmentationRecipe Glip(IReadOnlyList<int>? shortSides = null, int longSide = LongSide, double flipProbability = 0.5) => new(
        BoxConvention.Inclusive,
        KeepCrowds: false,
        new AugmentationSequence(
        [
            new RandomShortSideResize(shortSides ?? [480, 560, 640, 720, 800], longSide, ResizeRules.Glip),
            new RandomHorizontalFlip(flipProbability),
        ]));

    /// <summary>
    /// MM Grounding DINO (as DETR): a flip, then either one of eleven lengths of the short side, or a random part of the image in one
    /// of three sizes, brought to one of the eleven lengths.
    /// </summary>
    /// <remarks>
    /// Reference: mmdetection <c>configs/mm_grounding_dino</c>, <c>train_pipeline</c>. Differs in the pixels: resized as Pillow does, not
    /// as OpenCV.
    /// </remarks>
    /// <param name="shortSide">The length that the network was trained for: all lengths follow it.</param>
    /// <param name="longSide">The largest length of the long side.</param>
    public static AugmentationRecipe MmGroundingDino(int shortSide = 800, int longSide = LongSide)
    {
        int[] lengths = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800];
        var final = new RandomShortSideResize([.. lengths.Select(Scaled)], longSide, ResizeRules.Mmcv);
        return new AugmentationRecipe(
            BoxConvention.Continuous,
            KeepCrowds: false,
            new AugmentationSequence(
            [
                new RandomHorizontalFlip(),
                new RandomChoice(
                [
                    final,
                    new AugmentationSequence([new RandomShortSideResize([Scaled(400), Scaled(500), Scaled(600)], Scaled(4200), ResizeRules.Mmcv), new RandomCrop(Scaled(384), Scaled(600)), final]),
                ]),
            ]));

        int Scaled(int length) => (int)Math.Round(length * shortSide / 800.0);
    }

    /// <summary>No random change: one length of the short side, as for evaluation.</summary>
    /// <param name="convention">What second corners mean to the detector.</param>
    /// <param name="rule">How sizes are rounded.</param>
    /// <param name="shortSide">The length of the short side.</param>
    /// <param name="longSide">The largest length of the long side.</param>
    public static AugmentationRecipe None(BoxConvention convention, ResizeRules.ResizeRule rule, int shortSide = 800, int longSide = LongSide) =>
        new(convention, KeepCrowds: false, new RandomShortSideResize([shortSide], longSide, rule));

    /// <summary>The sample of an image in an epoch.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="index">The image's place in it.</param>
    /// <param name="pixels">Its pixels, <see cref="DatasetImage.Load"/>.</param>
    /// <param name="seed">The search's seed.</param>
    /// <param name="epoch">The epoch or step, from 0.</param>
    /// <exception cref="ArgumentException">The pixels have another size than the image.</exception>
    public DetectionSample Apply(DetectionDataset dataset, int index, RgbImage pixels, long seed, long epoch)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var sample = DetectionSample.Create(dataset, dataset.Images[index], pixels, Convention, KeepCrowds);
        return Steps.Apply(sample, new AugmentationRandom(seed, epoch, index));
    }
}
