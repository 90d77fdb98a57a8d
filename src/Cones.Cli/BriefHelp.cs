using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Cones.Cli;

/// <summary>Help in whose list of commands each has one line; a command's own help has its whole description.</summary>
sealed class BriefHelp(SynchronousCommandLineAction help) : SynchronousCommandLineAction
{
    /// <summary>Replaces the help of all commands.</summary>
    public static void Install(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new BriefHelp((SynchronousCommandLineAction)option.Action!);
    }

    /// <summary>Help is given however incomplete the command is.</summary>
    public override bool ClearsParseErrors => help.ClearsParseErrors;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var listed = parseResult.CommandResult.Command.Subcommands.Select(c => (Command: c, Whole: c.Description)).ToArray();
        foreach (var (command, whole) in listed) command.Description = whole?.Split('\n')[0].TrimEnd();
        try
        {
            return help.Invoke(parseResult);
        }
        finally
        {
            foreach (var (command, whole) in listed) command.Description = whole;
        }
    }
}
