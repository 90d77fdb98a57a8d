using Cones.Data;

namespace Cones.Tasks.Detection;

/// <summary>An object that was found, with its class by name.</summary>
/// <param name="Class">The class's place in <see cref="ObjectFinder.Names"/>.</param>
/// <param name="Name">The class's name.</param>
/// <param name="Score">The confidence, 0 to 1.</param>
/// <param name="Box">The box in pixels of the image, as COCO has it.</param>
public sealed record FoundObject(int Class, string Name, double Score, BoundingBox Box);
