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
                : unknown.StartsWith('-') ? NoOption(unknown, path, command.Options)
                : $"'{unknown}' belongs to no option of `{path}`: put words with spaces between them in quotes",
        ];
    }

    /// <summary>That a word is no option of a command, and which one was meant.</summary>
    /// <param name="unknown">The word, which begins with a dash.</param>
    /// <param name="path">The command as it is typed.</param>
    /// <param name="options">The command's options.</param>
    public static string NoOption(string unknown, string path, IEnumerable<Option> options) =>
        $"'{unknown}' is no option of `{path}`{Meant(unknown.Split('=')[0], options)}";

    /// <summary>The command as it is typed, e.g. <c>cones search generation</c>.</summary>
    public static string CommandPath(ParseResult parsed)
    {
        var names = new List<string>();
        for (SymbolResult? result = parsed.CommandResult; result is not null; result = result.Parent)
            if (result is CommandResult command)
                names.Insert(0, command.Parent is null ? "cones" : command.Command.Name);
        return string.Join(' ', names);
    }

    // The option that differs in a letter or two.
    static string Meant(string unknown, IEnumerable<Option> options)
    {
        var nearest = options.Select(o => o.Name).MinBy(name => Distance(unknown, name));
        return nearest is not null && Distance(unknown, nearest) <= 2 ? $"; did you mean {nearest}?" : "";
    }

    // Letters to insert, remove, replace or swap with their neighbour.
    static int Distance(string a, string b)
    {
        var costs = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    costs[i, j] = i + j;
                    continue;
                }

                var replaced = costs[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                costs[i, j] = Math.Min(replaced, 1 + Math.Min(costs[i - 1, j], costs[i, j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) costs[i, j] = Math.Min(costs[i, j], costs[i - 2, j - 2] + 1);
            }

        return costs[a.Length, b.Length];
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
