using System.Net;
using System.Text;

namespace Cones.Cli.Compare.Reports;

/// <summary>Writes a report as one HTML file that needs nothing else: pictures and drawings are inside, no script, no font.</summary>
static class HtmlReport
{
    const string Style = """
        :root { color-scheme: light dark; --text: #1a1a1a; --paper: #fff; --soft: #555; --line: #bbb; --band: #f3f3f3; }
        @media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --paper: #16181b; --soft: #a8a8a8; --line: #50545a; --band: #212429; } }
        body { color: var(--text); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 72rem; }
        h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
        nav ul { columns: 3 16rem; padding-left: 1.2rem; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
        caption, figcaption { text-align: left; color: var(--soft); padding: .3rem 0; max-width: 60rem; }
        th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: right; white-space: nowrap; }
        th:first-child { text-align: left; } thead th { vertical-align: bottom; white-space: normal; } tbody tr:nth-child(even) { background: var(--band); }
        figure { margin: 1rem 0; } figure svg { width: 100%; max-width: 48rem; height: auto; }
        .gallery { display: flex; flex-wrap: wrap; gap: 1rem; } .gallery figure { margin: 0; max-width: 20rem; } .gallery img { max-width: 100%; image-rendering: auto; border: 1px solid var(--line); }
        pre { background: var(--band); padding: .6rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
        a { color: inherit; } a:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; } .skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
        @media print { :root { --text: #000; --paper: #fff; --soft: #333; --line: #999; --band: #f3f3f3; } body { max-width: none; font-size: 10pt; } nav, .skip { display: none; } h2, h3 { break-after: avoid; } table, figure, pre { break-inside: avoid; } .scroll { overflow: visible; } th, td { padding: .15rem .3rem; white-space: normal; } }
        """;

    /// <summary>The file's text.</summary>
    public static string Write(ReportDocument report)
    {
        var html = new StringBuilder();
        html.Append($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="generator" content="cones compare">
            <title>{Text(report.Title)}</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <a class="skip" href="#content">To the content</a>
            <header><h1>{Text(report.Title)}</h1></header>

            """);
        ReportHeading[] headings = [.. report.Blocks.OfType<ReportHeading>()];
        html.Append("<nav aria-label=\"Contents\"><ul>\n");
        foreach (var (heading, i) in headings.Select((h, i) => (h, i)).Where(h => h.h.Level == 2)) html.Append($"<li><a href=\"#s{i}\">{Text(heading.Text)}</a></li>\n");
        html.Append("</ul></nav>\n<main id=\"content\">\n");
        foreach (var block in report.Blocks) html.Append(Block(block, headings)).Append('\n');
        return html.Append("</main>\n</body>\n</html>\n").ToString();
    }

    static string Block(ReportBlock block, ReportHeading[] headings) => block switch
    {
        ReportHeading heading => $"<h{heading.Level} id=\"s{Array.FindIndex(headings, h => ReferenceEquals(h, heading))}\">{Text(heading.Text)}</h{heading.Level}>",
        ReportParagraph paragraph => $"<p>{Text(paragraph.Text)}</p>",
        ReportTable table => Table(table),
        ReportFigure figure => $"<figure>{Labelled(figure)}<figcaption>{Text(figure.Caption)}</figcaption></figure>",
        ReportGallery gallery => Gallery(gallery),
        ReportCommands commands => $"<h3>{Text(commands.Title)}</h3>\n<pre><code>{Text(string.Join('\n', commands.Lines))}</code></pre>",
        _ => throw new ArgumentException($"a block of the kind {block.GetType().Name} cannot be written", nameof(block)),
    };

    static string Table(ReportTable table)
    {
        var html = new StringBuilder($"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{Text(table.Caption)}\"><table><caption>{Text(table.Caption)}</caption>\n<thead><tr>");
        foreach (var column in table.Columns) html.Append($"<th scope=\"col\">{Text(column)}</th>");
        html.Append("</tr></thead>\n<tbody>\n");
        foreach (var row in table.Rows)
        {
            html.Append("<tr>");
            foreach (var (cell, i) in row.Select((c, i) => (c, i)))
            {
                var inner = cell.Bold ? $"<strong>{Text(cell.Text)}</strong>" : Text(cell.Text);
                html.Append(i == 0 ? $"<th scope=\"row\">{inner}</th>" : $"<td>{inner}</td>");
            }

            html.Append("</tr>\n");
        }

        return html.Append("</tbody></table></div>").ToString();
    }

    static string Gallery(ReportGallery gallery)
    {
        var html = new StringBuilder($"<section aria-label=\"{Text(gallery.Caption)}\"><p>{Text(gallery.Caption)}</p><div class=\"gallery\">\n");
        foreach (var picture in gallery.Pictures)
            html.Append($"<figure><img src=\"data:image/png;base64,{Convert.ToBase64String(File.ReadAllBytes(picture.Path))}\" alt=\"{Text(picture.Alt)}\"><figcaption>{Text(picture.Title)}</figcaption></figure>\n");
        return html.Append("</div></section>").ToString();
    }

    static string Labelled(ReportFigure figure) =>
        figure.Svg.Replace("<svg ", $"<svg role=\"img\" aria-label=\"{Text(figure.Description)}\" ", StringComparison.Ordinal);

    static string Text(string text) => WebUtility.HtmlEncode(text);
}
