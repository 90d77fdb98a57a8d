using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cones.Models;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Tests.Data;

public sealed class EmojiIndexTests
{
    [Fact]
    public void The_split_follows_its_rule()
    {
        var index = EmojiIndex.Embedded();
        Assert.Equal(172, index.Concepts.Count(c => c.HeldOut));
        Assert.Equal(689, index.Concepts.Count(c => !c.HeldOut));
        foreach (var group in index.Concepts.GroupBy(c => c.Group))
        {
            var ordered = group.OrderBy(c => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(c.Hexcode))), StringComparer.Ordinal).ToArray();
            var heldOut = (int)Math.Round(ordered.Length / 5.0);
            for (var i = 0; i < ordered.Length; i++) Assert.Equal(i < heldOut, ordered[i].HeldOut);
        }
    }

    [Fact]
    public void Icons_are_wrapped_at_their_own_size_and_mirrored_where_an_alias_says_so()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(
            Path.Combine(folder.Path, "icons.json"),
            """
            {"width": 36, "height": 36, "icons": {"a": {"body": "<path/>"}, "b": {"body": "<g/>", "width": 40.5}},
             "aliases": {"c": {"parent": "a", "hFlip": true}}}
            """);
        var set = new IconSet(folder.Path);
        Assert.Contains("viewBox=\"0 0 36 36\"><path/></svg>", set.Svg("a"));
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"viewBox=\"0 0 {40.5} 36\""), set.Svg("b"));
        Assert.Contains("translate(36 0) scale(-1 1)", set.Svg("c"));
        Assert.Contains("no icon 'd'", Assert.Throws<ConesException>(() => set.Svg("d")).Message);
    }
}
