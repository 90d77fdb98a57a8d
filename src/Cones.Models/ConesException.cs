namespace Cones.Models;

/// <summary>
/// Something the user gave cannot be used. The message is one sentence that names the file and the remedy; programs show
/// it without a stack trace.
/// </summary>
public class ConesException : Exception
{
    /// <summary>An error with a message for the user.</summary>
    public ConesException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a message for the user and its cause.</summary>
    public ConesException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
