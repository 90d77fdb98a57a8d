using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Data.Instances;

/// <summary>Label images to masks and back.</summary>
public static class LabelMasks
{
    /// <summary>The mask of each number but 0, in ascending order of the numbers.</summary>
    public static IReadOnlyList<(int Label, RleMask Mask)> Split(LabelImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var builders = new SortedDictionary<int, RunBuilder>();
        for (var x = 0; x < image.Width; x++)
        {
            for (var y = 0; y < image.Height;)
            {
                var label = image.Labels[(y * image.Width) + x];
                var start = y;
                while (++y < image.Height && image.Labels[(y * image.Width) + x] == label) continue;
                if (label == 0) continue;
                if (!builders.TryGetValue(label, out var runs)) builders[label] = runs = new RunBuilder(image.Height, image.Width);
                runs.AppendInterval(((long)x * image.Height) + start, ((long)x * image.Height) + y);
            }
        }

        return [.. builders.Select(b => (b.Key, b.Value.ToMask()))];
    }

    /// <summary>The label image of masks: the first gets the number 1, and so on. A pixel of several masks belongs to the first of them.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="masks">At most 65,535, all of that size.</param>
    /// <exception cref="ArgumentException">A mask has another size, or there are too many.</exception>
    public static LabelImage Join(int width, int height, IReadOnlyList<RleMask> masks)
    {
        ArgumentNullException.ThrowIfNull(masks);
        if (masks.Count > ushort.MaxValue) throw new ArgumentException($"{masks.Count} masks are more than the {ushort.MaxValue} numbers of a label image", nameof(masks));
        var labels = new ushort[checked(width * height)];
        for (var i = masks.Count - 1; i >= 0; i--)
        {
            if (masks[i].Width != width || masks[i].Height != height)
                throw new ArgumentException($"mask {i} is {masks[i].Width}x{masks[i].Height}, the image {width}x{height}", nameof(masks));
            foreach (var (x, y, length) in masks[i].ColumnRuns())
                for (int row = 0, at = (y * width) + x; row < length; row++, at += width) labels[at] = (ushort)(i + 1);
        }

        return new LabelImage(width, height, labels);
    }

    /// <summary>The label image of a data set's image: its objects in order from 1; crowds and objects without outline are left out.</summary>
    public static LabelImage Join(DatasetImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Join(image.Width, image.Height, [.. image.Annotations.Where(a => !a.IsCrowd).Select(a => a.Segmentation?.ToMask(image.Height, image.Width)).OfType<RleMask>()]);
    }
}
