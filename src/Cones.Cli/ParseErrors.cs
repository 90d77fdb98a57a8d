namespace Cones.Cli;

/// <summary>The parser's messages without the names of .NET types.</summary>
static class ParseErrors
{
    static readonly (string Type, string What)[] s_types =
    [
        ("System.Int32", "a whole number"),
        ("System.Int64", "a whole number"),
        ("System.UInt64", "a whole number of at least 0"),
        ("System.Double", "a number"),
    ];

    /// <summary>A message as a user reads it.</summary>
    public static string Readable(string message)
    {
        foreach (var (type, what) in s_types)
        {
            message = message
                .Replace($"as expected type '{type}'", $"as {what}", StringComparison.Ordinal)
                .Replace($"as expected type 'System.Nullable`1[{type}]'", $"as {what}", StringComparison.Ordinal);
        }

        return message;
    }
}
