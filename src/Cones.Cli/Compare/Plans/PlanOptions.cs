using System.CommandLine;
using System.CommandLine.Parsing;

namespace Cones.Cli.Compare.Plans;

/// <summary>The <c>options</c> of a plan: those of <c>cones search TASK</c>, named as there without the dashes.</summary>
/// <param name="command">The command.</param>
/// <param name="reserved">Options that the comparison gives itself.</param>
sealed class PlanOptions(Command command, IReadOnlyList<string> reserved)
{
    readonly Dictionary<string, Option> _known = command.Options
        .Where(o => !reserved.Contains(NameOf(o))).ToDictionary(NameOf);

    /// <summary>Whether the command goes on from a concept, so that there can be a second stage.</summary>
    public bool Starts { get; } = command.Options.Any(o => o.Name == "--start" || o.Aliases.Contains("--start"));

    /// <summary>Reads options; a flag that is false is left out.</summary>
    /// <exception cref="Cones.Models.ConesException">One is not known, or has a value that it cannot have.</exception>
    public IReadOnlyList<KeyValuePair<string, string?>> Read(PlanMap map)
    {
        var options = new List<KeyValuePair<string, string?>>();
        foreach (var name in map.Keys.ToArray())
        {
            if (!_known.TryGetValue(name, out var option))
                throw map.Error(name, $"'{name}' is no option here: {string.Join(", ", _known.Keys)}");
            var text = string.Join(",", map.Texts(name));
            if (option.ValueType == typeof(bool))
            {
                if (text is not ("true" or "false")) throw map.Error(name, $"'{name}' is '{text}', true or false was expected");
                if (text == "true") options.Add(new(name, null));
                continue;
            }

            var errors = command.Parse([option.Name, text]).Errors.Where(e => e.SymbolResult is OptionResult result && result.Option == option && !result.Implicit);
            if (errors.FirstOrDefault() is { } error) throw map.Error(name, $"'{name}' is '{text}': {error.Message}");
            options.Add(new(name, text));
        }

        map.Done();
        return options;
    }

    /// <summary>Options of which the later ones take the place of the earlier.</summary>
    public static IReadOnlyList<KeyValuePair<string, string?>> Merge(params IReadOnlyList<IReadOnlyList<KeyValuePair<string, string?>>> parts)
    {
        var merged = new List<KeyValuePair<string, string?>>();
        foreach (var option in parts.SelectMany(p => p))
        {
            merged.RemoveAll(m => m.Key == option.Key);
            merged.Add(option);
        }

        return merged;
    }

    /// <summary>Options as a command line has them.</summary>
    public static IEnumerable<string> ToArguments(IEnumerable<KeyValuePair<string, string?>> options) =>
        options.SelectMany(o => o.Value is { } value ? (string[])["--" + o.Key, value] : ["--" + o.Key]);

    static string NameOf(Option option) => option.Name.TrimStart('-');
}
