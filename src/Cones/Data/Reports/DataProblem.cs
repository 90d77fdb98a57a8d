namespace Cones.Data;

/// <summary>One broken record.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="Source">The file.</param>
/// <param name="Message">A sentence that names the file and the record and says what was done.</param>
public sealed record DataProblem(DataProblemKind Kind, string Source, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => Message;
}
