using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Training;

/// <summary>Which anchors of an image are to find which box. It depends on sizes and boxes only, not on the text, and may be kept.</summary>
public sealed class AtssAssignment
{
    readonly float[] _anchorBoxes;
    readonly float[] _targetBoxes;
    readonly float[] _centerness;

    internal AtssAssignment(int anchorCount, int boxCount, IReadOnlyList<int> anchors, IReadOnlyList<int> boxes, float[] anchorBoxes, float[] targetBoxes, float[] centerness)
    {
        (AnchorCount, BoxCount, Anchors, Boxes) = (anchorCount, boxCount, anchors, boxes);
        (_anchorBoxes, _targetBoxes, _centerness) = (anchorBoxes, targetBoxes, centerness);
    }

    /// <summary>The anchors of the image, N.</summary>
    public int AnchorCount { get; }

    /// <summary>The boxes of the image, G.</summary>
    public int BoxCount { get; }

    /// <summary>The positive anchors, ascending; all others are background.</summary>
    public IReadOnlyList<int> Anchors { get; }

    /// <summary>The box of each positive anchor, 0 to G - 1.</summary>
    public IReadOnlyList<int> Boxes { get; }

    /// <summary>The positive anchors, P.</summary>
    public int Positives => Anchors.Count;

    /// <summary>How central each positive anchor lies in its box, 0 to 1.</summary>
    public IReadOnlyList<float> Centerness => _centerness;

    /// <summary>The positive anchors' own boxes, float32 [P, 4].</summary>
    internal Tensor AnchorBoxes() => tensor(_anchorBoxes, [Positives, 4]);

    /// <summary>The boxes that they are to find, float32 [P, 4].</summary>
    internal Tensor TargetBoxes() => tensor(_targetBoxes, [Positives, 4]);
}
