using System.Text.Json;
using Cones.Models;

namespace Cones.Pretraining.Data;

/// <summary>Which icon of which npm package shows which concept: <c>emoji/index.json</c>.</summary>
/// <param name="Packages">The styles, with package and version.</param>
/// <param name="Concepts">The concepts, with their side of the split.</param>
sealed record EmojiIndex(IReadOnlyList<EmojiPackage> Packages, IReadOnlyList<EmojiConcept> Concepts)
{
    static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web);

    /// <summary>The index that lies beside the program.</summary>
    public static EmojiIndex Embedded() => Read(Path.Combine(AppContext.BaseDirectory, "emoji", "index.json"));

    /// <summary>Reads an index.</summary>
    /// <exception cref="ConesException">The file is missing or broken.</exception>
    public static EmojiIndex Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<EmojiIndex>(File.ReadAllBytes(path), s_options)!;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"{path} cannot be used as an index of emoji ({e.Message}): take the one in pretraining/emoji", e);
        }
    }
}

/// <summary>A style: the npm package that draws it.</summary>
sealed record EmojiPackage(string Style, string Package, string Version, string Licence);

/// <summary>A concept and its icon in every style that draws it.</summary>
/// <param name="Hexcode">Code points.</param>
/// <param name="Name">The name that captions use.</param>
/// <param name="Tags">Further words.</param>
/// <param name="Group">emojibase's group, e.g. <c>food-drink</c>.</param>
/// <param name="Split"><c>pretrain</c> or <c>heldout</c>.</param>
/// <param name="Icons">The icon's name by style.</param>
sealed record EmojiConcept(
    string Hexcode, string Name, IReadOnlyList<string> Tags, string Group, string Split, IReadOnlyDictionary<string, string> Icons)
{
    /// <summary>Whether recipes never see it.</summary>
    public bool HeldOut => Split == "heldout";
}
