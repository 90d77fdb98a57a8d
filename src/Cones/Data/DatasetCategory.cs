namespace Cones.Data;

/// <summary>A class of objects.</summary>
/// <param name="Id">Its number in the data set; COCO's begin at 1 and have gaps.</param>
/// <param name="Name">Its name, which detectors read as text.</param>
/// <param name="Supercategory">A broader class, or null.</param>
public sealed record DatasetCategory(long Id, string Name, string? Supercategory = null);
