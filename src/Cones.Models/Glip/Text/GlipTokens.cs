using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Text;

/// <summary>A caption's tokens.</summary>
/// <param name="Text">Ids, attention mask and the tokens' places in the caption; slot 0 is [CLS].</param>
/// <param name="Classes">
/// The slots of each class, ascending; the first class has the label 1. Empty for a class that was cut off, which is then never found.
/// </param>
public sealed record GlipTokens(TokenizedText Text, IReadOnlyList<IReadOnlyList<int>> Classes)
{
    /// <summary>Says for each box which tokens it is of.</summary>
    /// <param name="labels">The labels of the boxes, from 1.</param>
    /// <param name="tokens">The columns T; by default the caption's slots, padding included.</param>
    /// <returns>float32 [boxes, T]: 1 for the tokens of the box's class, else 0.</returns>
    /// <exception cref="ArgumentException">A label is no class of the caption, or its tokens do not fit into T.</exception>
    public Tensor PositiveMap(IReadOnlyList<int> labels, int? tokens = null)
    {
        var columns = tokens ?? Text.Ids.Count;
        var map = new float[labels.Count * columns];
        for (var row = 0; row < labels.Count; row++)
        {
            if (labels[row] < 1 || labels[row] > Classes.Count)
                throw new ArgumentException($"label {labels[row]} given, the caption has the classes 1 to {Classes.Count}", nameof(labels));
            foreach (var slot in Classes[labels[row] - 1])
            {
                if (slot >= columns) throw new ArgumentException($"class {labels[row]} has token {slot}, there are only {columns}", nameof(tokens));
                map[(row * columns) + slot] = 1;
            }
        }

        return tensor(map, [labels.Count, columns]);
    }
}
