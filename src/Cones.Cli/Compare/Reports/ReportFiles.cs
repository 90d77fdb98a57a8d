using System.Text;
using Cones.Models.Weights;

namespace Cones.Cli.Compare.Reports;

/// <summary>The files of a report.</summary>
static class ReportFiles
{
    const string Folder = "report-files";

    /// <summary>Writes <c>report.html</c>, <c>report.md</c> and the folder that the latter needs.</summary>
    public static (string Html, string Markdown) Write(ReportDocument report, string root)
    {
        var (html, markdown) = (Path.Combine(root, "report.html"), Path.Combine(root, "report.md"));
        AtomicFile.Write(html, s => s.Write(Encoding.UTF8.GetBytes(HtmlReport.Write(report))));
        var (text, files) = MarkdownReport.Write(report, Folder);
        var folder = Path.Combine(root, Folder);
        Directory.CreateDirectory(folder);
        foreach (var old in Directory.EnumerateFiles(folder).Where(f => !files.ContainsKey(Path.GetFileName(f)))) File.Delete(old);
        foreach (var (name, content) in files) AtomicFile.Write(Path.Combine(folder, name), s => s.Write(content));
        AtomicFile.Write(markdown, s => s.Write(Encoding.UTF8.GetBytes(text)));
        return (html, markdown);
    }
}
