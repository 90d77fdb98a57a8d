using System.Globalization;
using System.Text.Json;
using Cones.Models.Imaging;

namespace Cones.Goldens.Runners.Imaging;

/// <summary>Resized sizes; the settings are in the names: <c>grounding_dino_SHORT_LONG</c>, <c>clip_SHORT</c>, <c>sam_LONG</c>, <c>vae_FACTOR</c>.</summary>
sealed class SizesRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["image-sizes"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var rows = JsonDocument.Parse(File.ReadAllBytes(golden.PathOf("sizes.json")));
        foreach (var row in rows.RootElement.EnumerateArray())
        {
            var size = Read(row.GetProperty("hw"));
            foreach (var entry in row.EnumerateObject().Where(e => e.Name != "hw"))
                result.ExpectEqual(Read(entry.Value), Resized(entry.Name, size), $"{entry.Name} of {size}");
        }
    }

    static ImageSize Resized(string name, ImageSize size)
    {
        var parts = name.Split('_');
        int Number(int fromEnd) => int.Parse(parts[^fromEnd], CultureInfo.InvariantCulture);
        return parts[0] switch
        {
            "grounding" => new SizeRule { ShortestEdge = Number(2), LongestEdge = Number(1) }.Apply(size),
            "clip" => new SizeRule { ShortestEdge = Number(1) }.Apply(size),
            "sam" => new SizeRule { LongestEdge = Number(1) }.Apply(size),
            "vae" => new VaeImageProcessor(Number(1)).RoundDown(size),
            _ => throw new NotSupportedException($"sizes of '{name}'"),
        };
    }

    static ImageSize Read(JsonElement pair) => new(pair[0].GetInt32(), pair[1].GetInt32());
}
