using Cones.Data;

namespace Cones.Tasks.Detection;

/// <summary>An object that a detector found.</summary>
/// <param name="Class">The class's place in the prompt, from 0.</param>
/// <param name="Score">The confidence, 0 to 1.</param>
/// <param name="Box">The box in pixels of the image, as COCO has it.</param>
public readonly record struct DetectedObject(int Class, double Score, BoundingBox Box);
