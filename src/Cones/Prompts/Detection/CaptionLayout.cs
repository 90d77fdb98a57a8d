namespace Cones.Prompts.Detection;

/// <summary>Where the classes of a caption stand, without its encoding.</summary>
/// <param name="Length">The slots of the whole caption, with its start and end.</param>
/// <param name="Classes">The slots of each class: neighbours, ascending, at least one.</param>
public sealed record CaptionLayout(int Length, IReadOnlyList<IReadOnlyList<int>> Classes);
