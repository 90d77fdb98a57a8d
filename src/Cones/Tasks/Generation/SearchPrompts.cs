using Cones.Concepts;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>A prompt, what it is made of, and the vectors in it.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Encodings">The templates' encodings.</param>
sealed record SearchPrompt(IPrompt Prompt, TemplateEncodings Encodings) : IDisposable
{
    /// <summary>The searched vectors as a concept file keeps them; of a written name zeros: nothing is added to its encoding.</summary>
    /// <param name="slots">The slots of the name.</param>
    public Tensor ToVectors(int slots) => Prompt switch
    {
        ConceptPrompt concept => concept.Vectors.alias(),
        PseudoWordPrompt word => word.ToVectors(),
        _ => zeros(slots, Encodings.Dim),
    };

    /// <summary>The searched pooled embedding, or null.</summary>
    public Tensor? Pooled => (Prompt as ConceptPrompt)?.PooledVector;

    /// <inheritdoc/>
    public void Dispose()
    {
        (Prompt as IDisposable)?.Dispose();
        Encodings.Dispose();
    }
}

/// <summary>Makes the prompt that a method searches.</summary>
static class SearchPrompts
{
    /// <summary>Makes the prompt of <see cref="GenerationSearchOptions.Method"/>.</summary>
    /// <param name="options">Method, rule, layers, bounds.</param>
    /// <param name="layers">The denoiser's cross-attention layers.</param>
    /// <param name="text">The model's text side; a pseudo-word goes on using it.</param>
    /// <param name="start">The words or the concept to start from.</param>
    /// <param name="templates">The templates.</param>
    public static SearchPrompt Create(GenerationSearchOptions options, int layers, TextSide text, StartWords start, IReadOnlyList<string> templates)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var word = start.Concept is { Metadata.Method: "pseudo-word" } file ? file.Concepts[0].Embeddings : null;
        var encodings = text.EncodeTemplates(templates, start.Placeholder, options.Method == GenerationMethod.Full ? word : null);
        return new SearchPrompt(
            options.Method switch
            {
                GenerationMethod.Concept => Concept(options, layers, text, start, encodings),
                GenerationMethod.PseudoWord => PseudoWord(options, text, start, templates),
                GenerationMethod.Full when start.Concept is not null && word is null => Found(start.Concept, encodings),
                _ => new TextPrompt(encodings),
            },
            encodings);
    }

    static ConceptPrompt Concept(GenerationSearchOptions options, int layers, TextSide text, StartWords start, TemplateEncodings encodings) => new(
        encodings,
        InitialVectors.AtOutput(options, start, text, encodings),
        start.Concept?.Concepts[0].Pooled?.to(encodings.Embeddings.device) ?? encodings.Pooled?.mean([0]),
        new ConceptPromptOptions { Rule = options.Rule, Layers = options.PerLayer ? layers : 0, NormBound = options.NormBound });

    static PseudoWordPrompt PseudoWord(GenerationSearchOptions options, TextSide text, StartWords start, IReadOnlyList<string> templates)
    {
        string[] prompts = [.. templates.Select(t => PromptTemplates.Fill(t, start.Placeholder.Name))];
        // Other words in the same slots: the ids that they fill them with, for each encoder.
        var rowsOf = start.Words.Append(start.Placeholder.BaseText).Distinct()
            .ToDictionary(w => w, w => text.Place(prompts, [start.Placeholder with { BaseText = w }]));
        var sides = new List<PseudoWordSide>();
        var first = 0L;
        foreach (var (encoder, i) in text.Encoders.Select((e, i) => (e, i)))
        {
            var rows = rowsOf[start.Placeholder.BaseText][i];
            var ids = tensor([.. rows.SelectMany(r => r.Ids).Select(id => (long)id)]).reshape(rows.Length, -1);
            var slots = TextSide.SlotsOf(templates, rows, start.Placeholder);
            var initial = InitialVectors.AtInput(options, start, encoder, w => [.. rowsOf[w][i][0].Slots[0].Select(s => (long)rowsOf[w][i][0].Ids[s])], i, first);
            var device = encoder.TokenTable.device;
            sides.Add(new PseudoWordSide(encoder, ids.to(device), slots.to(device), initial));
            first += encoder.Config.HiddenSize;
        }

        return new PseudoWordPrompt(sides);
    }

    /// <summary>A concept as it was found: what the second stage trains the denoiser with, and what is judged.</summary>
    public static ConceptPrompt Found(ConceptFile file, TemplateEncodings encodings)
    {
        var concept = file.Concepts[0];
        var device = encodings.Embeddings.device;
        return new ConceptPrompt(encodings, concept.Vectors.to(device), concept.Pooled?.to(device), new ConceptPromptOptions
        {
            Rule = file.Metadata.SlotRule,
            Layers = concept.Layers is null ? 0 : (int)concept.Layers.shape[0],
        });
    }
}
