using System.Text;

namespace Cones.Cli.Compare.Reports;

/// <summary>Writes a report as Markdown; drawings and pictures are files beside it.</summary>
static class MarkdownReport
{
    /// <summary>The text, and the files that it needs: name and content.</summary>
    /// <param name="report">The report.</param>
    /// <param name="folder">The folder of the files, as the text names it.</param>
    public static (string Text, IReadOnlyDictionary<string, byte[]> Files) Write(ReportDocument report, string folder)
    {
        var text = new StringBuilder($"# {Plain(report.Title)}\n");
        var files = new Dictionary<string, byte[]>();
        foreach (var block in report.Blocks)
        {
            text.Append('\n');
            switch (block)
            {
                case ReportHeading heading:
                    text.Append($"{new string('#', heading.Level)} {Plain(heading.Text)}\n");
                    break;
                case ReportParagraph paragraph:
                    text.Append($"{Plain(paragraph.Text)}\n");
                    break;
                case ReportTable table:
                    Table(text, table);
                    break;
                case ReportFigure figure:
                    files[figure.Name + ".svg"] = Encoding.UTF8.GetBytes(Charts.Standalone(figure.Svg));
                    text.Append($"![{Plain(figure.Description)}]({folder}/{figure.Name}.svg)\n\n{Plain(figure.Caption)}\n");
                    break;
                case ReportGallery gallery:
                    text.Append($"{Plain(gallery.Caption)}\n\n");
                    foreach (var picture in gallery.Pictures)
                    {
                        var name = $"picture-{files.Count + 1}.png";
                        files[name] = File.ReadAllBytes(picture.Path);
                        text.Append($"- {Plain(picture.Title)}: ![{Plain(picture.Alt)}]({folder}/{name})\n");
                    }

                    break;
                case ReportCommands commands:
                    text.Append($"{Plain(commands.Title)}\n\n{string.Concat(commands.Lines.Select(l => $"    {l}\n"))}");
                    break;
                default:
                    throw new ArgumentException($"a block of the kind {block.GetType().Name} cannot be written", nameof(report));
            }
        }

        return (text.ToString(), files);
    }

    static void Table(StringBuilder text, ReportTable table)
    {
        text.Append($"{Plain(table.Caption)}\n\n|{string.Concat(table.Columns.Select(c => $" {Cell(c)} |"))}\n|---|{string.Concat(table.Columns.Skip(1).Select(_ => "---:|"))}\n");
        foreach (var row in table.Rows) text.Append($"|{string.Concat(row.Select(c => c.Bold ? $" **{Cell(c.Text)}** |" : $" {Cell(c.Text)} |"))}\n");
    }

    static string Cell(string text) => Plain(text).Replace("|", "\\|", StringComparison.Ordinal);

    // Placeholders such as <dog> are no HTML.
    static string Plain(string text) => text.Replace("<", "&lt;", StringComparison.Ordinal).Replace("\n", " ", StringComparison.Ordinal);
}
