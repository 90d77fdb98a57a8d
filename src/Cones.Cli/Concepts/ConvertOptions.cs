namespace Cones.Cli.Concepts;

/// <summary>What <c>cones concept convert</c> was asked for.</summary>
/// <param name="Input">The file to read.</param>
/// <param name="Output">The file to write.</param>
/// <param name="To">The format's name, or null.</param>
/// <param name="Concept">Which concept of a file with several, or null.</param>
/// <param name="Name">The result's name, or null.</param>
/// <param name="Model">The model's folder, or null.</param>
/// <param name="BaseText">The words that stand for an imported concept when a prompt is encoded.</param>
sealed record ConvertOptions(string Input, string Output, string? To, string? Concept, string? Name, string? Model, string BaseText);
