namespace Cones.Cli.Compare.Reports;

/// <summary>A report as a list of blocks, which <see cref="HtmlReport"/> and <see cref="MarkdownReport"/> write.</summary>
sealed record ReportDocument(string Title, IReadOnlyList<ReportBlock> Blocks);

/// <summary>A part of a report.</summary>
abstract record ReportBlock;

/// <summary>A heading of level 2 or 3.</summary>
sealed record ReportHeading(int Level, string Text) : ReportBlock;

/// <summary>A paragraph.</summary>
sealed record ReportParagraph(string Text) : ReportBlock;

/// <summary>A table; the first cell of each row names it.</summary>
sealed record ReportTable(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<ReportCell>> Rows) : ReportBlock;

/// <summary>A cell.</summary>
sealed record ReportCell(string Text, bool Bold = false)
{
    public static implicit operator ReportCell(string text) => new(text);
}

/// <summary>A drawing.</summary>
/// <param name="Name">The name of its file.</param>
/// <param name="Svg">The drawing, an <c>svg</c> element.</param>
/// <param name="Caption">What is to be seen.</param>
/// <param name="Description">The same for those who do not see it, with numbers.</param>
sealed record ReportFigure(string Name, string Svg, string Caption, string Description) : ReportBlock;

/// <summary>Pictures side by side.</summary>
sealed record ReportGallery(string Caption, IReadOnlyList<ReportPicture> Pictures) : ReportBlock;

/// <summary>A picture.</summary>
/// <param name="Title">The line below it.</param>
/// <param name="Path">Its file, a PNG.</param>
/// <param name="Alt">What it shows.</param>
sealed record ReportPicture(string Title, string Path, string Alt);

/// <summary>Commands to copy.</summary>
sealed record ReportCommands(string Title, IReadOnlyList<string> Lines) : ReportBlock;

/// <summary>A run that the report tells of.</summary>
sealed record ReportRun(Jobs.JobSpec Job, Jobs.JobResult Result, string Folder);
