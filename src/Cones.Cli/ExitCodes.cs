namespace Cones.Cli;

/// <summary>What the process returns.</summary>
static class ExitCodes
{
    /// <summary>All went well.</summary>
    public const int Success = 0;

    /// <summary>A fault of the program.</summary>
    public const int Failure = 1;

    /// <summary>Something given cannot be used; the message says what to do.</summary>
    public const int BadInput = 2;

    /// <summary>Stopped by Ctrl-C; what was done is saved.</summary>
    public const int Cancelled = 130;
}
