using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Text;

/// <summary>Which tokens belong to which phrase of a caption, found by its delimiters.</summary>
public static class LabelMaps
{
    /// <summary>The phrases of each text: runs of tokens between delimiters or padding (<c>build_label_maps</c> of transformers).</summary>
    /// <param name="ids">[B, T].</param>
    /// <returns>For each text its phrases in order, each as the slots of its tokens.</returns>
    public static IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> FromIds(Tensor ids) => [.. Delimiters.Rows(ids).Select(Phrases)];

    /// <summary>The phrases of one text as a positive map.</summary>
    /// <param name="phrases">The slots of each phrase's tokens.</param>
    /// <param name="width">The columns W, as many as the class scores have, or as the text has tokens.</param>
    /// <returns>[phrases, W], bool.</returns>
    /// <exception cref="ArgumentException">A slot is outside the columns.</exception>
    public static Tensor ToPositiveMap(IReadOnlyList<IReadOnlyList<int>> phrases, int width)
    {
        var map = new bool[phrases.Count * width];
        for (var phrase = 0; phrase < phrases.Count; phrase++)
            foreach (var slot in phrases[phrase])
                map[(phrase * width) + slot] = slot >= 0 && slot < width ? true : throw new ArgumentException($"phrase {phrase} has slot {slot}, but there are {width} columns", nameof(phrases));
        return tensor(map, [phrases.Count, width], ScalarType.Bool);
    }

    // Tokens before the first delimiter belong to no phrase.
    static IReadOnlyList<IReadOnlyList<int>> Phrases(long[] row)
    {
        const long padding = 0;
        var phrases = new List<List<int>>();
        var (begun, open) = (false, false);
        for (var slot = 0; slot < row.Length; slot++)
        {
            if (row[slot] == padding || Delimiters.Contains(row[slot]))
            {
                (begun, open) = (true, false);
                continue;
            }

            if (!begun) continue;
            if (!open) phrases.Add([]);
            open = true;
            phrases[^1].Add(slot);
        }

        return phrases;
    }
}
