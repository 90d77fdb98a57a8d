using System.Text.Json;
using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Data;

/// <summary>One drawing: a concept in a style.</summary>
/// <param name="Concept">The concept's position in <see cref="IconPack.Concepts"/>.</param>
/// <param name="Style">The style.</param>
sealed record Icon(int Concept, string Style);

/// <summary>All rendered drawings in one file, <c>icons.safetensors</c>: pixels of 8 bits, colour multiplied by alpha.</summary>
sealed class IconPack
{
    /// <summary>The side of a drawing in pixels.</summary>
    public const int Side = 128;

    /// <summary>The file's name in the data folder.</summary>
    public const string FileName = "icons.safetensors";

    const string Key = "rgba";
    const int Bytes = Side * Side * 4;
    readonly byte[][] _pixels;

    /// <summary>A pack of drawings in memory.</summary>
    /// <param name="concepts">The concepts.</param>
    /// <param name="icons">The drawings.</param>
    /// <param name="pixels">For each [Side, Side, RGBA], colour multiplied by alpha.</param>
    public IconPack(IReadOnlyList<EmojiConcept> concepts, IReadOnlyList<Icon> icons, byte[][] pixels)
    {
        if (pixels.Length != icons.Count || pixels.Any(p => p.Length != Bytes))
            throw new ArgumentException($"{icons.Count} drawings of {Bytes} bytes expected, {pixels.Length} given", nameof(pixels));
        (Concepts, Icons, _pixels) = (concepts, icons, pixels);
    }

    /// <summary>The concepts.</summary>
    public IReadOnlyList<EmojiConcept> Concepts { get; }

    /// <summary>The drawings.</summary>
    public IReadOnlyList<Icon> Icons { get; }

    /// <summary>[Side, Side, RGBA] of a drawing.</summary>
    public byte[] Pixels(int icon) => _pixels[icon];

    /// <summary>The positions of the drawings that <paramref name="where"/> chooses.</summary>
    public int[] Select(Func<EmojiConcept, string, bool> where) =>
        [.. Enumerable.Range(0, Icons.Count).Where(i => where(Concepts[Icons[i].Concept], Icons[i].Style))];

    /// <summary>Reads the pack of a data folder.</summary>
    /// <exception cref="ConesException">There is none, or it is broken.</exception>
    public static IconPack Open(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) throw new ConesException($"{path} is missing: run pretraining/prepare-data.sh {folder}");
        using var file = SafetensorsFile.Open(path);
        var concepts = JsonSerializer.Deserialize<EmojiConcept[]>(file.Metadata["concepts"])!;
        var icons = JsonSerializer.Deserialize<Icon[]>(file.Metadata["icons"])!;
        using var all = file.Read(Key);
        var pixels = new byte[icons.Length][];
        for (var i = 0; i < pixels.Length; i++)
        {
            using var one = all[i];
            pixels[i] = one.bytes.ToArray();
        }

        return new IconPack(concepts, icons, pixels);
    }

    /// <summary>Writes the pack into a data folder.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        using var scope = NewDisposeScope();
        var all = empty([Icons.Count, Side, Side, 4], dtype: ScalarType.Byte);
        for (var i = 0; i < _pixels.Length; i++) _pixels[i].CopyTo(all[i].bytes);
        SafetensorsWriter.Write(
            Path.Combine(folder, FileName),
            new Dictionary<string, Tensor> { [Key] = all },
            new Dictionary<string, string> { ["concepts"] = JsonSerializer.Serialize(Concepts), ["icons"] = JsonSerializer.Serialize(Icons) });
    }
}
