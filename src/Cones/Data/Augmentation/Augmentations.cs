using Cones.Models.Imaging;

namespace Cones.Data.Augmentation;

/// <summary>One random change of a sample.</summary>
public interface IAugmentation
{
    /// <summary>The changed sample; the given one is left as it is.</summary>
    DetectionSample Apply(DetectionSample sample, AugmentationRandom random);
}

/// <summary>Left and right exchanged, with a probability.</summary>
/// <param name="Probability">0 to 1.</param>
public sealed record RandomHorizontalFlip(double Probability = 0.5) : IAugmentation
{
    /// <inheritdoc/>
    public DetectionSample Apply(DetectionSample sample, AugmentationRandom random)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(random);
        return random.NextDouble() < Probability ? sample.FlipHorizontal() : sample;
    }
}

/// <summary>The short side gets one of several lengths (mmdetection's <c>RandomChoiceResize</c> with <c>keep_ratio</c>).</summary>
/// <param name="ShortSides">The lengths, at least one.</param>
/// <param name="LongSide">The largest length of the long side.</param>
/// <param name="Rule">How sizes are rounded.</param>
public sealed record RandomShortSideResize(IReadOnlyList<int> ShortSides, int LongSide, ResizeRules.ResizeRule Rule) : IAugmentation
{
    /// <inheritdoc/>
    public DetectionSample Apply(DetectionSample sample, AugmentationRandom random)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(random);
        return sample.Resize(Rule(sample.Image.Size, random.Choose(ShortSides), LongSide)).ClipToImage();
    }
}

/// <summary>A part whose sides have random lengths (mmdetection's <c>RandomCrop</c> of the type <c>absolute_range</c>, parts without objects allowed).</summary>
/// <param name="Min">The smallest length of a side; an image smaller than that keeps the side.</param>
/// <param name="Max">The largest length of a side.</param>
public sealed record RandomCrop(int Min, int Max) : IAugmentation
{
    /// <inheritdoc/>
    public DetectionSample Apply(DetectionSample sample, AugmentationRandom random)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(random);
        var image = sample.Image;
        var height = random.NextInt(Math.Min(image.Height, Min), Math.Min(image.Height, Max));
        var width = random.NextInt(Math.Min(image.Width, Min), Math.Min(image.Width, Max));
        var y = random.NextInt(0, image.Height - height);
        var x = random.NextInt(0, image.Width - width);
        return sample.Crop(x, y, new ImageSize(height, width));
    }
}

/// <summary>Several changes one after the other.</summary>
/// <param name="Steps">The changes.</param>
public sealed record AugmentationSequence(IReadOnlyList<IAugmentation> Steps) : IAugmentation
{
    /// <inheritdoc/>
    public DetectionSample Apply(DetectionSample sample, AugmentationRandom random) =>
        Steps.Aggregate(sample, (current, step) => step.Apply(current, random));
}

/// <summary>One of several changes, each with the same probability.</summary>
/// <param name="Choices">The changes, at least one.</param>
public sealed record RandomChoice(IReadOnlyList<IAugmentation> Choices) : IAugmentation
{
    /// <inheritdoc/>
    public DetectionSample Apply(DetectionSample sample, AugmentationRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return random.Choose(Choices).Apply(sample, random);
    }
}
