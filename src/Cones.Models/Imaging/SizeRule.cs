using Cones.Models.Configuration;

namespace Cones.Models.Imaging;

/// <summary>The size that an image is resized to: the <c>size</c> of a <c>preprocessor_config.json</c>.</summary>
/// <remarks>
/// Which entries are set decides the rule, as in transformers: shortest and longest edge (detectors), shortest edge
/// (CLIP), longest edge (SAM), largest height and width, or a fixed height and width.
/// </remarks>
public sealed record SizeRule
{
    /// <summary>The short side gets this length.</summary>
    public int? ShortestEdge { get; init; }

    /// <summary>The long side gets this length, or with <see cref="ShortestEdge"/> at most this length.</summary>
    public int? LongestEdge { get; init; }

    /// <summary>The height, whatever the shape.</summary>
    public int? Height { get; init; }

    /// <summary>The width, whatever the shape.</summary>
    public int? Width { get; init; }

    /// <summary>The height is at most this, the shape is kept.</summary>
    public int? MaxHeight { get; init; }

    /// <summary>The width is at most this, the shape is kept.</summary>
    public int? MaxWidth { get; init; }

    /// <summary>A fixed square.</summary>
    public static SizeRule Square(int side) => new() { Height = side, Width = side };

    /// <summary>The resized size of an image.</summary>
    /// <exception cref="ArgumentException">A side would get no pixel, or the rule has none of the known forms.</exception>
    public ImageSize Apply(ImageSize size)
    {
        var resized = this switch
        {
            { ShortestEdge: { } shortest, LongestEdge: { } longest } => Between(size, shortest, longest),
            { ShortestEdge: { } shortest } => Shortest(size, shortest),
            { LongestEdge: { } longest } => Longest(size, longest),
            { MaxHeight: { } height, MaxWidth: { } width } => Within(size, height, width),
            { Height: { } height, Width: { } width } => new ImageSize(height, width),
            _ => throw new ArgumentException($"{this} is no size: shortest_edge, longest_edge, max_height and max_width, or height and width are needed"),
        };
        if (resized.Height < 1 || resized.Width < 1)
            throw new ArgumentException($"an image of {size} (height x width) would be resized to {resized}: it is too narrow");
        return resized;
    }

    /// <summary>Reads the option <paramref name="name"/>: an object, or a number that <paramref name="ofNumber"/> turns into a rule.</summary>
    internal static SizeRule Read(ConfigReader json, string name, SizeRule fallback, Func<int, SizeRule> ofNumber)
    {
        if (!json.Has(name)) return fallback;
        var rule = json.Child(name) is { } entries
            ? new SizeRule
            {
                ShortestEdge = Edge(entries, "shortest_edge"),
                LongestEdge = Edge(entries, "longest_edge"),
                Height = Edge(entries, "height"),
                Width = Edge(entries, "width"),
                MaxHeight = Edge(entries, "max_height"),
                MaxWidth = Edge(entries, "max_width"),
            }
            : ofNumber(json.Int(name));
        int?[] edges = [rule.ShortestEdge, rule.LongestEdge, rule.Height, rule.Width, rule.MaxHeight, rule.MaxWidth];
        if (edges.Any(e => e < 1)) throw new ConesException($"{json.Path}: {name} has an edge below 1 pixel");
        var complete = rule.ShortestEdge is not null || rule.LongestEdge is not null
            || (rule.Height is not null && rule.Width is not null) || (rule.MaxHeight is not null && rule.MaxWidth is not null);
        return complete ? rule : throw new ConesException($"{json.Path}: {name} needs shortest_edge, longest_edge, max_height and max_width, or height and width");
    }

    static int? Edge(ConfigReader entries, string name) => entries.Has(name) ? entries.Int(name) : null;

    // transformers get_size_with_aspect_ratio. Where the long side limits, the unrounded short side sets the long one.
    static ImageSize Between(ImageSize size, int shortest, int longest)
    {
        double min = Math.Min(size.Height, size.Width), max = Math.Max(size.Height, size.Width);
        var shortSide = shortest;
        double exact = shortest;
        if (max / min * shortest > longest)
        {
            exact = longest * min / max;
            shortSide = (int)Math.Round(exact, MidpointRounding.ToEven);
        }

        if (min == shortSide) return size;
        return size.Width < size.Height
            ? new ImageSize((int)(exact * size.Height / size.Width), shortSide)
            : new ImageSize(shortSide, (int)(exact * size.Width / size.Height));
    }

    static ImageSize Shortest(ImageSize size, int shortest)
    {
        var longSide = (int)((double)((long)shortest * Math.Max(size.Height, size.Width)) / Math.Min(size.Height, size.Width));
        return size.Width <= size.Height ? new ImageSize(longSide, shortest) : new ImageSize(shortest, longSide);
    }

    static ImageSize Longest(ImageSize size, int longest)
    {
        var scale = (double)longest / Math.Max(size.Height, size.Width);
        return new ImageSize((int)((size.Height * scale) + 0.5), (int)((size.Width * scale) + 0.5));
    }

    static ImageSize Within(ImageSize size, int maxHeight, int maxWidth)
    {
        var scale = Math.Min((double)maxHeight / size.Height, (double)maxWidth / size.Width);
        return new ImageSize((int)(size.Height * scale), (int)(size.Width * scale));
    }
}
