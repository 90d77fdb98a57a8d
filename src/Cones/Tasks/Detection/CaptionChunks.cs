using Cones.Models;
using Cones.Prompts.Detection;

namespace Cones.Tasks.Detection;

/// <summary>
/// Parts classes among captions that a detector's text encoder can take, as GLIP (<c>TEST.CHUNKED_EVALUATION</c>) and mmdet
/// (<c>chunked_size</c>) evaluate many classes: every caption is run for itself, and what they find is put together.
/// </summary>
public static class CaptionChunks
{
    /// <summary>Fills one caption after the other with neighbouring classes.</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="classes">The classes in order.</param>
    /// <param name="slots">The slots that a class with so many tokens has in the end, with what is learned; null for its tokens.</param>
    /// <param name="reserve">Slots that are left free in every caption.</param>
    /// <returns>The number of classes in each caption, at least 1.</returns>
    /// <exception cref="ConesException">The words of a class are too long for a caption of their own.</exception>
    public static IReadOnlyList<int> Split(IDetector detector, IReadOnlyList<ClassPrompt> classes, Func<int, int>? slots = null, int reserve = 0)
    {
        var (sizes, caption) = (new List<int>(), new List<ClassPrompt>());
        foreach (var item in classes)
        {
            caption.Add(item);
            if (Length() <= detector.MaxTokens) continue;
            if (caption.Count > 1)
            {
                sizes.Add(caption.Count - 1);
                caption = [item];
            }

            if (Length() is var length && length > detector.MaxTokens)
                throw new ConesException($"the class '{item.Name}' makes a caption of {length} slots, the model takes {detector.MaxTokens} tokens: give it fewer words (--classes name=words), or learn fewer (--slots)");
        }

        sizes.Add(caption.Count);
        return sizes;

        int Length()
        {
            var layout = detector.LayOut(caption);
            return layout.Length + reserve + (slots is null ? 0 : layout.Classes.Sum(c => Math.Max(0, slots(c.Count) - c.Count)));
        }
    }

    /// <summary>The detector itself for one caption, else one that takes several as if they were one.</summary>
    /// <param name="detector">The detector; parts that it may have had before are forgotten.</param>
    /// <param name="sizes">The number of classes in each caption; none or one for one caption.</param>
    public static IDetector For(IDetector detector, IReadOnlyList<int> sizes)
    {
        var whole = detector is ChunkedDetector chunked ? chunked.Whole : detector;
        return sizes.Count <= 1 ? whole : whole is ITrainableDetector trainable ? new ChunkedTrainableDetector(trainable, sizes) : new ChunkedDetector(whole, sizes);
    }

    /// <summary>The number of classes in each caption, where there are several; else none.</summary>
    public static IReadOnlyList<int> SizesOf(IDetector detector) => detector is ChunkedDetector chunked ? chunked.Sizes : [];
}
