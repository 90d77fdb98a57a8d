using Cones.Data;
using Cones.Models.Imaging;

namespace Cones.Tasks.Detection;

/// <summary>An image as a detector is trained on it: whole, mirrored, or changed by a recipe.</summary>
/// <param name="Image">The pixels.</param>
/// <param name="Boxes">The objects' boxes in these pixels, as COCO has them.</param>
/// <param name="Classes">The class of each box, a place in the prompt from 0.</param>
/// <param name="Prepared">Whether a recipe has given it the network's size already.</param>
public sealed record TrainingView(RgbImage Image, IReadOnlyList<BoundingBox> Boxes, IReadOnlyList<int> Classes, bool Prepared = false);
