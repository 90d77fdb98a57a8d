using Cones.Data;
using Cones.Data.Augmentation;
using Cones.Models.Imaging;
using Cones.Prompts.Detection;

namespace Cones.Tasks.Detection;

/// <summary>Makes views of a data set's images. A view follows from seed, number and image alone.</summary>
/// <param name="dataset">The images. Crowds are left out.</param>
/// <param name="classes">The classes; boxes of others are background.</param>
/// <param name="flip">Whether each image is also seen mirrored.</param>
/// <param name="recipe">What makes further views, or null.</param>
/// <param name="seed">The search's seed.</param>
public sealed class ViewMaker(DetectionDataset dataset, IReadOnlyList<ClassPrompt> classes, bool flip = false, AugmentationRecipe? recipe = null, long seed = 0)
{
    readonly Dictionary<string, int> _places = classes.Select((c, i) => (c.Name, i)).ToDictionary(p => p.Name, p => p.i);

    /// <summary>The data set.</summary>
    public DetectionDataset Dataset => dataset;

    /// <summary>Views of an image that no recipe makes: the whole, and the mirrored one.</summary>
    public int PlainViews => flip ? 2 : 1;

    /// <summary>Whether a recipe makes views without end.</summary>
    public bool HasRecipe => recipe is not null;

    /// <summary>A view.</summary>
    /// <param name="image">The image's place in the data set.</param>
    /// <param name="view">Below <see cref="PlainViews"/> the whole and the mirrored image; from there on what the recipe makes.</param>
    /// <param name="pixels">The image's pixels.</param>
    public TrainingView Make(int image, long view, RgbImage pixels)
    {
        var source = dataset.Images[image];
        if (view >= PlainViews) return Changed(image, view - PlainViews, pixels);
        var objects = source.Annotations.Where(a => !a.IsCrowd)
            .Select(a => (a.Box, Class: PlaceOf(dataset.CategoryIndex(a.CategoryId))))
            .Where(o => o.Class >= 0).ToArray();
        int[] labels = [.. objects.Select(o => o.Class)];
        return view == 0
            ? new TrainingView(pixels, [.. objects.Select(o => o.Box)], labels)
            : new TrainingView(pixels.FlipHorizontal(), [.. objects.Select(o => o.Box with { X = source.Width - o.Box.Right })], labels);
    }

    TrainingView Changed(int image, long number, RgbImage pixels)
    {
        var sample = (recipe ?? throw new InvalidOperationException("there is no recipe for further views")).Apply(dataset, image, pixels, seed, number);
        var objects = sample.Instances.Select(i => (Box: sample.Convention.ToCoco(i.Corners), Class: PlaceOf(i.Category))).Where(o => o.Class >= 0).ToArray();
        return new TrainingView(sample.Image, [.. objects.Select(o => o.Box)], [.. objects.Select(o => o.Class)], Prepared: true);
    }

    // Of a class that is not listed, or not searched: -1.
    int PlaceOf(int category) => category < 0 ? -1 : _places.GetValueOrDefault(dataset.Categories[category].Name, -1);
}
