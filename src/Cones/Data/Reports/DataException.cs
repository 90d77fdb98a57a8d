using Cones.Models;

namespace Cones.Data;

/// <summary>A data set was refused because of its broken records.</summary>
public sealed class DataException(string message, DataReport report) : ConesException(message)
{
    /// <summary>All that is wrong.</summary>
    public DataReport Report { get; } = report;
}
