using Cones.Models;
using Cones.Prompts.Detection;

namespace Cones.Tasks.Detection;

/// <summary>
/// Parts classes among captions that a detector's text encoder can take, as GLIP (<c>TEST.CHUNKED_EVALUATION</c>) and mmdet
/// (<c>chunked_size</c>) evaluate many classes: every part is run for itself, and what they find is put together.
/// </summary>
public static class CaptionChunks
{
    /// <summary>Fills one caption after the other with neighbouring classes.</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="classes">The classes in order.</param>
    /// <param name="slots">The slots that a class with so many tokens has in the end, with what is learned; null for its tokens.</param>
    /// <returns>At least one caption of at least one class each.</returns>
    /// <exception cref="ConesException">The words of a class are too long for a caption of their own.</exception>
    public static IReadOnlyList<IReadOnlyList<ClassPrompt>> Split(IDetector detector, IReadOnlyList<ClassPrompt> classes, Func<int, int>? slots = null)
    {
        var chunks = new List<List<ClassPrompt>>();
        foreach (var item in classes)
        {
            if (chunks.Count > 0 && Length([.. chunks[^1], item]) <= detector.MaxTokens)
            {
                chunks[^1].Add(item);
                continue;
            }

            if (Length([item]) is var length && length > detector.MaxTokens)
                throw new ConesException($"the class '{item.Name}' makes a caption of {length} slots, the model takes {detector.MaxTokens} tokens: give it fewer words (--classes name=words), or learn fewer (--slots)");
            chunks.Add([item]);
        }

        return chunks;

        int Length(IReadOnlyList<ClassPrompt> caption)
        {
            var layout = detector.LayOut(caption);
            return layout.Length + (slots is null ? 0 : layout.Classes.Sum(c => Math.Max(0, slots(c.Count) - c.Count)));
        }
    }
}
