using System.Globalization;
using System.Text;
using SkiaSharp;

namespace Cones.Visualization;

/// <summary>
/// Letters made of lines, drawn for this project: pictures look the same on machines without any font, and text is sharp at every
/// size. ASCII; accents are dropped, other characters become a question mark.
/// </summary>
static class StrokeFont
{
    /// <summary>Height of a capital letter in units of the glyphs.</summary>
    internal const float CapHeight = 12;

    /// <summary>How far letters reach below the base line, in units.</summary>
    internal const float Descent = 4;

    const int Gap = 4;
    const int WidthOfSpace = 4;

    // Strokes are lists of points "xy", each a digit of base 36, with y from the top: capitals stand on 12 (c), small letters reach up
    // to 4. A stroke of a single point is a dot.
    static readonly Dictionary<char, string> s_glyphs = new()
    {
        ['!'] = "0008 0c",
        ['"'] = "0004 3034",
        ['#'] = "2c41 5c71 1484 0878",
        ['$'] = "8361210304266688896b2b09 404c",
        ['%'] = "800c 1030341410 58787c5c58",
        ['&'] = "8c131120405153070a2c4c87",
        ['\''] = "0004",
        ['('] = "2003092c",
        [')'] = "0023290c",
        ['*'] = "4248 1377 7317",
        ['+'] = "434b 0787",
        [','] = "1b1c0e",
        ['-'] = "0777",
        ['.'] = "0c",
        ['/'] = "600c",
        ['0'] = "205072777a5c2c0a0220",
        ['1'] = "03303c 0c6c",
        ['2'] = "02206082840c8c",
        ['3'] = "022060828466 3666888a6c2c0a",
        ['4'] = "6c600888",
        ['5'] = "8010052464868a6c2c0a",
        ['6'] = "716030040a2c6c8a87652507",
        ['7'] = "00803c",
        ['8'] = "260402206082846626080a2c6c8a8866",
        ['9'] = "8567270502206082885c2c1b",
        [':'] = "05 0c",
        [';'] = "15 1b1c0e",
        ['<'] = "82078c",
        ['='] = "0585 0989",
        ['>'] = "02870c",
        ['?'] = "02206082844748 4c",
        ['@'] = "6864342638688783602003092c7c",
        ['A'] = "0c408c 1979",
        ['B'] = "0656747150000c6c8a886606",
        ['C'] = "826020020a2c6c8a",
        ['D'] = "005083895c0c00",
        ['E'] = "80000c8c 0666",
        ['F'] = "80000c 0666",
        ['G'] = "826020020a2c6c8a8757",
        ['H'] = "000c 808c 0686",
        ['I'] = "0040 202c 0c4c",
        ['J'] = "707a5c2c0a",
        ['K'] = "000c 8008 358c",
        ['L'] = "000c8c",
        ['M'] = "0c0046808c",
        ['N'] = "0c008c80",
        ['O'] = "2060828a6c2c0a0220",
        ['P'] = "0c006082846606",
        ['Q'] = "2060828a6c2c0a0220 598c",
        ['R'] = "0c006082846606 468c",
        ['S'] = "82602002042666888a6c2c0a",
        ['T'] = "0080 404c",
        ['U'] = "000a2c6c8a80",
        ['V'] = "004c80",
        ['W'] = "002c456c80",
        ['X'] = "008c 800c",
        ['Y'] = "004680 464c",
        ['Z'] = "00800c8c",
        ['['] = "30000c3c",
        ['\\'] = "006c",
        [']'] = "00303c0c",
        ['^'] = "044084",
        ['_'] = "0e8e",
        ['`'] = "0033",
        ['a'] = "747c 765424060a2c5c7a",
        ['b'] = "000c 062454767a5c2c0a",
        ['c'] = "765424060a2c5c7a",
        ['d'] = "707c 765424060a2c5c7a",
        ['e'] = "0878765424060a2c5c7b",
        ['f'] = "5040222c 0454",
        ['g'] = "747e5g2g0f 765424060a2c5c7a",
        ['h'] = "000c 062454767c",
        ['i'] = "040c 00",
        ['j'] = "242e0g 20",
        ['k'] = "000c 640a 287c",
        ['l'] = "000c",
        ['m'] = "040c 062434565c 567484a6ac",
        ['n'] = "040c 062454767c",
        ['o'] = "2454767a5c2c0a0624",
        ['p'] = "040g 062454767a5c2c0a",
        ['q'] = "747g 765424060a2c5c7a",
        ['r'] = "040c 072454",
        ['s'] = "75542405072858797b5c2c0b",
        ['t'] = "202a4c5c 0454",
        ['u'] = "040a2c5c7a 747c",
        ['v'] = "043c64",
        ['w'] = "042c568ca4",
        ['x'] = "047c 740c",
        ['y'] = "043c 642g0g",
        ['z'] = "04740c7c",
        ['{'] = "40212506272b4c",
        ['|'] = "000e",
        ['}'] = "00212546272b0c",
        ['~'] = "07255775",
    };

    /// <summary>The width of a text for capitals of the height <paramref name="capHeight"/>, in pixels.</summary>
    internal static float Measure(string text, float capHeight)
    {
        var units = 0;
        foreach (var c in Simplify(text)) units += Width(c) + Gap;
        return Math.Max(0, units - Gap) * capHeight / CapHeight;
    }

    /// <summary>Draws a text with the upper left corner of its capitals at (x, y).</summary>
    internal static void Draw(SKCanvas canvas, string text, float x, float y, float capHeight, SKColor color)
    {
        var unit = capHeight / CapHeight;
        using var paint = new SKPaint
        {
            Color = color,
            IsAntialias = true,
            IsStroke = true,
            StrokeWidth = Math.Max(1.15f, capHeight / 7),
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
        };
        using var builder = new SKPathBuilder();
        foreach (var c in Simplify(text))
        {
            foreach (var stroke in Strokes(c)) AddStroke(builder, stroke, x, y, unit);
            x += (Width(c) + Gap) * unit;
        }

        using var path = builder.Detach();
        canvas.DrawPath(path, paint);
    }

    static void AddStroke(SKPathBuilder path, string stroke, float x, float y, float unit)
    {
        path.MoveTo(Point(0));
        // A line to the same place is drawn as a dot.
        for (var i = Math.Min(2, stroke.Length - 2); i < stroke.Length; i += 2) path.LineTo(Point(i));

        SKPoint Point(int i) => new(x + (Digit(stroke[i]) * unit), y + (Digit(stroke[i + 1]) * unit));
    }

    static string[] Strokes(char c) => c == ' ' ? [] : s_glyphs[c].Split(' ');

    static int Width(char c)
    {
        if (c == ' ') return WidthOfSpace;
        var width = 0;
        foreach (var stroke in Strokes(c))
            for (var i = 0; i < stroke.Length; i += 2) width = Math.Max(width, Digit(stroke[i]));
        return width;
    }

    static int Digit(char c) => c <= '9' ? c - '0' : c - 'a' + 10;

    static string Simplify(string text)
    {
        var simple = new StringBuilder(text.Length);
        foreach (var c in text.Normalize(NormalizationForm.FormKD))
        {
            if (CharUnicodeInfo.GetUnicodeCategory(c) == UnicodeCategory.NonSpacingMark) continue;
            simple.Append(s_glyphs.ContainsKey(c) ? c : char.IsWhiteSpace(c) ? ' ' : '?');
        }

        return simple.ToString();
    }
}
