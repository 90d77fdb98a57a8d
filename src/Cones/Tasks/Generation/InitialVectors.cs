using Cones.Models.Clip;
using Cones.Prompts;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>The vectors that a search starts from.</summary>
static class InitialVectors
{
    /// <summary>Of a concept, at the text encoder's output.</summary>
    /// <param name="options">Rule, kind of start, seed.</param>
    /// <param name="start">The words, or the concept to go on from.</param>
    /// <param name="text">The model's text side.</param>
    /// <param name="encodings">The templates' encodings with the start's placeholder.</param>
    /// <returns>[n, D] or, per layer, [L, n, D], as the rule has it.</returns>
    public static Tensor AtOutput(GenerationSearchOptions options, StartWords start, TextSide text, TemplateEncodings encodings)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var device = encodings.Embeddings.device;
        if (start.Concept is { } file) return file.Concepts[0].Vectors.to(device).clone().MoveToOuterDisposeScope();

        var count = SlotRules.VectorCount(options.Rule, start.Placeholder.Slots, encodings.Length);
        if (SlotRules.IsAdditive(options.Rule)) return zeros([count, encodings.Dim], device: device).MoveToOuterDisposeScope();
        var vectors = options.InitKind switch
        {
            InitKind.Random => Random(count, encodings.Dim, encodings.ReferenceNorm(), options.Search.Seed, "init").to(device),
            InitKind.Text => OfText(options.Rule, text, start.Placeholder, count),
            InitKind.Mean when start.Words.Count > 1 => stack([.. start.Words.Select(w => OfWord(options.Rule, text, encodings.Templates, start.Placeholder with { BaseText = w }, count))]).mean([0]),
            _ => OfTemplates(options.Rule, encodings, count),
        };
        return vectors.MoveToOuterDisposeScope();
    }

    /// <summary>Of a pseudo-word, at the text encoder's input: rows of its token table.</summary>
    /// <param name="options">Kind of start, seed.</param>
    /// <param name="start">The words, or the pseudo-word to go on from.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="idsOf">The token ids that fill the slots with some words.</param>
    /// <param name="side">The encoder's number, from 0.</param>
    /// <param name="first">Where its part begins in vectors of all encoders side by side.</param>
    /// <returns>[n, D of the token table].</returns>
    public static Tensor AtInput(GenerationSearchOptions options, StartWords start, ClipTextModel encoder, Func<string, long[]> idsOf, int side, long first)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var table = encoder.TokenTable;
        if (start.Concept is { } file) return file.Concepts[0].Embeddings.narrow(1, first, encoder.Config.HiddenSize).to(table.device).clone().MoveToOuterDisposeScope();

        Tensor[] rows = [.. start.Words.Select(w => table.index_select(0, tensor(idsOf(w), device: table.device)))];
        var vectors = options.InitKind == InitKind.Random
            ? Random(start.Placeholder.Slots, encoder.Config.HiddenSize, rows[0].norm(-1).mean().item<float>(), options.Search.Seed, $"init{side}").to(table.device)
            : stack(rows).mean([0]); // [words, n, D] -> [n, D]
        return vectors.MoveToOuterDisposeScope();
    }

    static Tensor Random(long count, long dim, double norm, long seed, string stream)
    {
        using var generator = new Generator(SeedSequence.Derive(seed, stream), CPU);
        var random = randn([count, dim], generator: generator);
        return random / random.norm(-1, keepdim: true) * norm;
    }

    static Tensor OfTemplates(SlotRule rule, TemplateEncodings encodings, int count) => rule switch
    {
        SlotRule.Overwrite => encodings.MeanSlotVectors(),
        // The sequence of the first template: a mean of sequences of different lengths is no prompt.
        _ => encodings.Embeddings[0].narrow(0, encodings.Length - count, count),
    };

    static Tensor OfWord(SlotRule rule, TextSide text, IReadOnlyList<string> templates, Placeholder placeholder, int count)
    {
        using var scope = NewDisposeScope();
        using var encodings = text.EncodeTemplates(templates, placeholder);
        return OfTemplates(rule, encodings, count).clone().MoveToOuterDisposeScope();
    }

    // The words alone between start and end, as OneTrainer's output embeddings start.
    static Tensor OfText(SlotRule rule, TextSide text, Placeholder placeholder, int count) => OfWord(rule, text, ["{}"], placeholder, count);
}
