using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Cones.Cli.Output;

/// <summary>Tables and units for people.</summary>
static class TextOutput
{
    // Where nobody looks at a screen nothing is wrapped.
    const int UnboundedWidth = 10_000;

    static readonly string[] s_units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>A console that writes to <paramref name="output"/>, in colours only on a terminal and without <c>NO_COLOR</c>.</summary>
    public static IAnsiConsole Console(TextWriter output)
    {
        var terminal = ReferenceEquals(output, System.Console.Out) && !System.Console.IsOutputRedirected;
        var colours = terminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = colours ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = colours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        if (!terminal) console.Profile.Width = UnboundedWidth;
        return console;
    }

    /// <summary>A table without vertical lines.</summary>
    public static Table Table(params ReadOnlySpan<string> columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns) table.AddColumn(new TableColumn(new Text(column)));
        return table;
    }

    /// <summary>Adds a row of plain text: nothing in it is markup.</summary>
    public static void Row(this Table table, params ReadOnlySpan<string?> cells)
    {
        var texts = new List<Text>(cells.Length);
        foreach (var cell in cells) texts.Add(new Text(Plain(cell ?? "")));
        table.AddRow(texts);
    }

    /// <summary>Text from a file as it may be shown: control characters, which terminals obey, become <c>\xNN</c>.</summary>
    public static string Plain(string text)
    {
        if (!text.Any(char.IsControl)) return text;
        var plain = new StringBuilder(text.Length);
        foreach (var c in text)
            plain.Append(char.IsControl(c) ? string.Create(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}") : c.ToString());
        return plain.ToString();
    }

    /// <summary>A size, e.g. <c>1.5 GiB</c>.</summary>
    public static string Size(long bytes)
    {
        double value = bytes;
        var unit = 0;
        for (; value >= 1024 && unit < s_units.Length - 1; unit++) value /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {s_units[unit]}");
    }

    /// <summary>A count in groups of three, e.g. <c>859,520,964</c>.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A shape, e.g. <c>[320,4,3,3]</c>.</summary>
    public static string Shape(IEnumerable<long> shape) => $"[{string.Join(",", shape)}]";
}
