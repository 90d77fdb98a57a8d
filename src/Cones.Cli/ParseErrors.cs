using System.CommandLine;
using System.CommandLine.Parsing;

namespace Cones.Cli;

/// <summary>What is wrong with a command line, in the words of a user.</summary>
static class ParseErrors
{
    static readonly (string Type, string What)[] s_types =
    [
        ("System.Int32", "a whole number"),
        ("System.Int64", "a whole number"),
        ("System.UInt64", "a whole number of at least 0"),
        ("System.Double", "a number"),
    ];

    /// <summary>Whether only the name of a sub-command is missing: then the list of them says most.</summary>
    public static bool LacksCommand(ParseResult parsed) =>
        parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.Tokens.All(t => t.Type == TokenType.Command);

    /// <summary>A sentence for each error; where something is not known, only that: the others follow from it.</summary>
    public static IEnumerable<string> Of(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens is not [var unknown, ..]) return parsed.Errors.Select(e => Readable(e.Message));
        var (command, path) = (parsed.CommandResult.Command, CommandPath(parsed));
        return
        [
            command.Subcommands.Count > 0 ? $"'{unknown}' is no command of `{path}`: {string.Join(", ", command.Subcommands.Select(s => s.Name))}"
                : unknown.StartsWith('-') ? $"'{unknown}' is no option of `{path}`"
                : $"'{unknown}' belongs to no option of `{path}`: put words with spaces between them in quotes",
        ];
    }

    /// <summary>The command as it is typed, e.g. <c>cones search generation</c>.</summary>
    public static string CommandPath(ParseResult parsed)
    {
        var names = new List<string>();
        for (SymbolResult? result = parsed.CommandResult; result is not null; result = result.Parent)
            if (result is CommandResult command)
                names.Insert(0, command.Parent is null ? "cones" : command.Command.Name);
        return string.Join(' ', names);
    }

    // The parser's messages without the names of .NET types.
    static string Readable(string message)
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
