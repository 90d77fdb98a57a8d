using Cones.Concepts;
using Cones.Models;
using Cones.Models.Tokenizers;
using Cones.Prompts;

namespace Cones.Tasks.Generation;

/// <summary>A name that stands for a concept in written prompts, e.g. <c>&lt;dog&gt;</c>.</summary>
/// <param name="Name">The name as it is written in prompts.</param>
/// <param name="BaseText">The words that the text encoder sees in its place, e.g. <c>dog</c>.</param>
/// <param name="Slots">The number of slots that it takes; the words are repeated or cut to fill them.</param>
public sealed record Placeholder(string Name, string BaseText, int Slots)
{
    /// <summary>A placeholder that takes as many slots as its words have tokens.</summary>
    /// <exception cref="ConesException">The words have no tokens.</exception>
    public static Placeholder ForWords(string name, string baseText, ClipTokenizer tokenizer) =>
        new(name, baseText, BaseIds(baseText, tokenizer).Length);

    /// <summary>The placeholder of a concept: where a vector belongs to a slot, it takes as many slots as it has vectors.</summary>
    /// <param name="file">The concept's file.</param>
    /// <param name="concept">The concept.</param>
    /// <param name="name">The name in prompts.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    public static Placeholder Of(ConceptFile file, Concept concept, string name, ClipTokenizer tokenizer)
    {
        var words = ForWords(name, file.Metadata.BaseText, tokenizer);
        var perSlot = file.Metadata.SlotRule is SlotRule.Overwrite or SlotRule.Residual;
        return perSlot ? words with { Slots = (int)concept.Embeddings.shape[0] } : words;
    }

    /// <summary>The token ids of the words, without start and end.</summary>
    /// <exception cref="ConesException">There are none.</exception>
    public static int[] BaseIds(string baseText, ClipTokenizer tokenizer)
    {
        var ids = tokenizer.Encode(baseText)[1..^1];
        return ids.Length > 0 ? ids : throw new ConesException($"'{baseText}' has no tokens: give a word that describes the concept roughly (--init dog)");
    }

    /// <summary>The ids that fill the slots.</summary>
    internal int[] FillIds(ClipTokenizer tokenizer)
    {
        var ids = BaseIds(BaseText, tokenizer);
        return [.. Enumerable.Range(0, Slots).Select(i => ids[i % ids.Length])];
    }
}

/// <summary>A written prompt as token ids, with the slots of its placeholders.</summary>
/// <param name="Ids">Padded to the model's length, start and end included.</param>
/// <param name="Slots">For each placeholder of the tokenizer its slots in this prompt; empty where it does not occur.</param>
/// <param name="Cut">The end that a prompt lost which was too long; null where it lost nothing.</param>
public sealed record PlacedPrompt(int[] Ids, IReadOnlyList<int[]> Slots, string? Cut);

/// <summary>Tokenizes prompts with placeholders: each becomes a run of slots that hold its base words' tokens.</summary>
public sealed class PlaceholderTokenizer
{
    readonly ClipTokenizer _tokenizer;
    readonly (int Id, int[] Fill)[] _placeholders;

    /// <summary>Adds the placeholders to <paramref name="tokenizer"/>, which must not know them yet.</summary>
    /// <exception cref="ConesException">A name is taken or cannot be a token.</exception>
    public PlaceholderTokenizer(ClipTokenizer tokenizer, IReadOnlyList<Placeholder> placeholders)
    {
        _tokenizer = tokenizer;
        var fills = placeholders.Select(p => p.FillIds(tokenizer)).ToArray();
        var ids = tokenizer.AddTokens([.. placeholders.Select(p => p.Name)]);
        _placeholders = [.. ids.Zip(fills)];
    }

    /// <summary>Tokenizes one prompt.</summary>
    public PlacedPrompt Encode(string prompt)
    {
        var length = _tokenizer.MaxLength;
        var ids = new List<int>(length);
        var slots = _placeholders.Select(_ => new List<int>()).ToArray();
        string? cut = null;
        var tokens = _tokenizer.Encode(prompt, maxLength: null);
        foreach (var (id, span) in tokens.Ids.Zip(tokens.Spans))
        {
            var index = Array.FindIndex(_placeholders, p => p.Id == id);
            if (index < 0)
            {
                ids.Add(id);
            }
            else
            {
                slots[index].AddRange(Enumerable.Range(ids.Count, _placeholders[index].Fill.Length));
                ids.AddRange(_placeholders[index].Fill);
            }

            // The last slot is for the end of the text.
            if (span.Length > 0 && ids.Count >= length) cut ??= prompt[span.Start..];
        }

        if (ids.Count > length)
        {
            ids.RemoveRange(length - 1, ids.Count - length + 1);
            ids.Add(_tokenizer.EosId);
        }

        while (ids.Count < length) ids.Add(_tokenizer.PadId);
        return new PlacedPrompt([.. ids], [.. slots.Select(s => s.Where(i => i < length - 1).ToArray())], cut);
    }
}
