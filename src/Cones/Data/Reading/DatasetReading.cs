namespace Cones.Data;

/// <summary>A data set and what was wrong with it.</summary>
/// <param name="Dataset">What could be read.</param>
/// <param name="Report">The broken records, counted and named.</param>
public sealed record DatasetReading(DetectionDataset Dataset, DataReport Report);
