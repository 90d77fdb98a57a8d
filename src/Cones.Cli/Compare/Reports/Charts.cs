using System.Text.RegularExpressions;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Cones.Cli.Compare.Reports;

/// <summary>A line or a point of a chart.</summary>
/// <param name="Name">What the legend says.</param>
/// <param name="Points">Where it is: x, y, and how far y spreads (0 or NaN: not shown).</param>
sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y, double Spread)> Points);

/// <summary>Draws charts as SVG with OxyPlot; texts are texts, in the colour of the page around them.</summary>
static partial class Charts
{
    const double Width = 720;
    const double Height = 400;

    // The typeface whose measures OxyPlot has built in.
    const string Font = "Arial";

    // Room for names in the wider typefaces that a reader may have instead.
    const double RightMargin = 44;

    // Stand-ins that become the page's own colours.
    static readonly OxyColor s_text = OxyColor.FromRgb(1, 2, 3);
    static readonly OxyColor s_grid = OxyColor.FromRgb(3, 2, 1);

    // Okabe and Ito's, without black and yellow: they can be told apart by most eyes on light and dark ground.
    static readonly OxyColor[] s_colors =
    [
        OxyColor.FromRgb(0x00, 0x72, 0xB2), OxyColor.FromRgb(0xD5, 0x5E, 0x00), OxyColor.FromRgb(0x00, 0x9E, 0x73), OxyColor.FromRgb(0xCC, 0x79, 0xA7),
        OxyColor.FromRgb(0xE6, 0x9F, 0x00), OxyColor.FromRgb(0x56, 0xB4, 0xE9), OxyColor.FromRgb(0x8C, 0x8C, 0x8C), OxyColor.FromRgb(0x9A, 0x63, 0x24),
    ];

    static readonly MarkerType[] s_markers = [MarkerType.Circle, MarkerType.Square, MarkerType.Triangle, MarkerType.Diamond];
    static readonly LineStyle[] s_lines = [LineStyle.Solid, LineStyle.Dash, LineStyle.Dot, LineStyle.DashDot];

    /// <summary>Lines with a marker at each point and, where a point spreads, a bar.</summary>
    public static string Lines(string x, string y, IReadOnlyList<ChartSeries> series, bool connect = true, bool logarithmic = false)
    {
        var model = Model(x, y, logarithmic);
        foreach (var (one, i) in series.Select((s, i) => (s, i)))
        {
            var color = s_colors[i % s_colors.Length];
            var line = new LineSeries
            {
                Title = one.Name,
                Color = connect ? color : OxyColors.Transparent,
                LineStyle = s_lines[i / s_colors.Length % s_lines.Length],
                MarkerType = s_markers[i % s_markers.Length],
                MarkerFill = color,
                MarkerSize = connect ? 3 : 6,
                StrokeThickness = 2,
            };
            line.Points.AddRange(one.Points.Select(p => new DataPoint(p.X, p.Y)));
            model.Series.Add(line);
            var bars = new LineSeries { Color = OxyColor.FromAColor(130, color), StrokeThickness = 1 };
            foreach (var (px, py, spread) in one.Points.Where(p => p.Spread > 0))
                bars.Points.AddRange([new DataPoint(px, py - spread), new DataPoint(px, py + spread), DataPoint.Undefined]);
            if (bars.Points.Count > 0) model.Series.Add(bars);
        }

        return Export(model);
    }

    /// <summary>The drawing as a file of its own, where no page gives colours: grey is legible on light and dark.</summary>
    public static string Standalone(string svg) =>
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + svg.Replace("currentColor", "#777777", StringComparison.Ordinal).Replace("var(--line)", "#bbbbbb", StringComparison.Ordinal);

    static PlotModel Model(string x, string y, bool logarithmic)
    {
        var model = new PlotModel { Background = OxyColors.Transparent, TextColor = s_text, PlotAreaBorderColor = s_grid, DefaultFont = Font, DefaultFontSize = 13, Padding = new OxyThickness(8, 8, RightMargin, 8) };
        model.Axes.Add(logarithmic ? Axis(new LogarithmicAxis(), AxisPosition.Bottom, x) : Axis(new LinearAxis(), AxisPosition.Bottom, x));
        model.Axes.Add(Axis(new LinearAxis(), AxisPosition.Left, y));
        model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.RightTop, LegendTextColor = s_text, LegendLineSpacing = 7, LegendBackground = OxyColors.Transparent, LegendBorder = OxyColors.Transparent });
        return model;
    }

    static Axis Axis(Axis axis, AxisPosition position, string title)
    {
        (axis.Position, axis.Title, axis.MinimumPadding, axis.MaximumPadding) = (position, title, 0.04, 0.04);
        (axis.TextColor, axis.TitleColor, axis.TicklineColor, axis.MajorGridlineColor) = (s_text, s_text, s_grid, s_grid);
        axis.MinorTickSize = 0;
        axis.AxisTitleDistance = position == AxisPosition.Left ? 14 : 6;
        (axis.MajorGridlineStyle, axis.MajorGridlineThickness) = (LineStyle.Solid, 0.5);
        return axis;
    }

    static string Export(PlotModel model)
    {
        var svg = SvgExporter.ExportToString(model, Width, Height, isDocument: false, null, useVerticalTextAlignmentWorkaround: true);
        svg = svg[svg.IndexOf("<svg ", StringComparison.Ordinal)..];
        // Nothing is drawn outside its place, but for texts in a wider typeface, which must not be cut.
        svg = Clipping().Replace(svg, "");
        return svg
            .Replace($"font-family=\"{Font}\"", $"font-family=\"{Font}, Helvetica, sans-serif\"", StringComparison.Ordinal)
            .Replace("rgb(1,2,3)", "currentColor", StringComparison.Ordinal).Replace("#010203", "currentColor", StringComparison.Ordinal)
            .Replace("rgb(3,2,1)", "var(--line)", StringComparison.Ordinal).Replace("#030201", "var(--line)", StringComparison.Ordinal)
            .Replace("<svg ", FormattableString.Invariant($"<svg viewBox=\"0 0 {Width} {Height}\" "), StringComparison.Ordinal);
    }

    [GeneratedRegex("\\s*<defs>.*?</defs>| clip-path=\"[^\"]*\"", RegexOptions.Singleline)]
    private static partial Regex Clipping();
}
