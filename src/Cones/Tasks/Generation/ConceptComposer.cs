using Cones.Concepts;
using Cones.Models;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>Encodes written prompts in which the names of concepts occur, and puts the concepts in.</summary>
public sealed class ConceptComposer
{
    readonly TextSide _text;
    readonly IReadOnlyList<(ConceptFile File, Concept Concept, Placeholder Placeholder)> _concepts;
    readonly int _layers;

    /// <summary>A composer for some concepts.</summary>
    /// <param name="text">The model's text side; not owned.</param>
    /// <param name="files">The concepts; not owned. Their models were checked.</param>
    /// <param name="crossAttentionLayers">The number of the denoiser's cross-attention layers.</param>
    /// <exception cref="ConesException">Two concepts have one name, or a concept has another number of layers.</exception>
    public ConceptComposer(TextSide text, IReadOnlyList<ConceptFile> files, int crossAttentionLayers)
    {
        _text = text;
        var tokenizer = text.NewTokenizer();
        _concepts = [.. files.SelectMany(f => f.Concepts.Select(c => (f, c, PlaceholderOf(f, c))))];
        if (_concepts.GroupBy(c => c.Concept.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ConesException($"two of the concepts are called '{twice.Key}': search one again with another --name");
        foreach (var (_, concept, _) in _concepts)
            if (concept.Layers is { } layers && layers.shape[0] != crossAttentionLayers)
                throw new ConesException($"the concept '{concept.Name}' has embeddings for {layers.shape[0]} cross-attention layers, the model has {crossAttentionLayers}");
        _layers = _concepts.Any(c => c.Concept.Layers is not null) ? crossAttentionLayers : 0;

        Placeholder PlaceholderOf(ConceptFile file, Concept concept)
        {
            var words = Placeholder.ForWords(concept.Name, file.Metadata.BaseText, tokenizer);
            var perSlot = file.Metadata.SlotRule is SlotRule.Overwrite or SlotRule.Residual;
            return perSlot ? words with { Slots = (int)concept.Embeddings.shape[0] } : words;
        }
    }

    /// <summary>Encodes one prompt.</summary>
    /// <param name="prompt">The prompt, with the names of concepts.</param>
    /// <param name="warnings">Gets a sentence for everything the user should know: a concept that does not occur, a cut prompt.</param>
    /// <returns>Conditioning of one row, to be disposed of by the caller.</returns>
    public TextConditioning Encode(string prompt, ICollection<string> warnings)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var encoded = EncodeBase(prompt);
        var placed = encoded.Prompts[0];
        if (placed.Truncated) warnings.Add($"the prompt is too long for the model and lost its end: '{prompt}'");
        var layers = new Tensor[Math.Max(_layers, 1)];
        Array.Fill(layers, encoded.Embeddings);
        var pooled = encoded.Pooled;
        for (var i = 0; i < _concepts.Count; i++)
        {
            var (file, concept, placeholder) = _concepts[i];
            var slots = placed.Slots[i];
            if (slots.Length == 0)
            {
                warnings.Add($"the prompt does not contain '{concept.Name}': the concept is not used");
                continue;
            }

            if (file.Metadata.Method == "pseudo-word") continue; // already at the encoder's input
            var needed = placeholder.Slots;
            for (var occurrence = 0; occurrence + needed <= slots.Length; occurrence += needed)
            {
                var rows = tensor(slots.Skip(occurrence).Take(needed).Select(s => (long)s).ToArray()).unsqueeze(0); // [1, n]
                for (var layer = 0; layer < layers.Length; layer++)
                    layers[layer] = SlotAssembly.Apply(file.Metadata.SlotRule, layers[layer], rows, concept.Layers?[layer] ?? concept.Embeddings);
                // The other rules touch the whole sequence: once is enough.
                if (file.Metadata.SlotRule is not (SlotRule.Overwrite or SlotRule.Residual)) break;
            }

            if (concept.Pooled is not null) pooled = concept.Pooled.unsqueeze(0);
        }

        return new TextConditioning(
            layers[0].clone().DetachFromDisposeScope(),
            pooled?.clone().DetachFromDisposeScope(),
            _layers == 0 ? null : [.. layers.Select(l => l.clone().DetachFromDisposeScope())]);
    }

    EncodedPrompts EncodeBase(string prompt)
    {
        Placeholder[] placeholders = [.. _concepts.Select(c => c.Placeholder)];
        Tensor?[] inputs = [.. _concepts.Select(c => c.File.Metadata.Method == "pseudo-word" ? c.Concept.Embeddings : null)];
        return _text.Encode([prompt], placeholders, inputs);
    }
}
