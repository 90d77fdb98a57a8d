using System.Text.Json.Nodes;

namespace Cones.Bench.Infrastructure;

/// <summary>One benchmark; every implementation in this program is found by reflection.</summary>
interface IBenchmark
{
    /// <summary>The name on the command line.</summary>
    string Name { get; }

    /// <summary>What it measures, in a line.</summary>
    string Description { get; }

    /// <summary>Runs it and returns the figures; progress goes to stderr.</summary>
    JsonObject Run(string[] args);
}
