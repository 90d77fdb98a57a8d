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
        _concepts = [.. files.SelectMany(f => f.Concepts.Select(c => (f, c, Placeholder.Of(f, c, c.Name, tokenizer))))];
        if (_concepts.GroupBy(c => c.Concept.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ConesException($"two of the concepts are called '{twice.Key}': search one again with another --name");
        foreach (var (_, concept, _) in _concepts)
            if (concept.Layers is { } layers && layers.shape[0] != crossAttentionLayers)
                throw new ConesException($"the concept '{concept.Name}' has embeddings for {layers.shape[0]} cross-attention layers, the model has {crossAttentionLayers}");
        _layers = _concepts.Any(c => c.Concept.Layers is not null) ? crossAttentionLayers : 0;
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
        if (placed.Cut is { } cut) warnings.Add($"the prompt is too long for the model, which does not see its end: '{cut}'");
        var layers = new Tensor[Math.Max(_layers, 1)];
        Array.Fill(layers, encoded.Embeddings);
        var pooled = new List<Tensor>();
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
            Put(file.Metadata.SlotRule, concept, slots, placeholder.Slots, layers);
            if (concept.Pooled is not null) pooled.Add(concept.Pooled.to(encoded.Embeddings.device));
        }

        return new TextConditioning(
            layers[0].clone().DetachFromDisposeScope(),
            (pooled.Count > 0 ? stack(pooled).mean([0], keepdim: true) : encoded.Pooled)?.clone().DetachFromDisposeScope(), // [1, P]
            _layers == 0 ? null : [.. layers.Select(l => l.clone().DetachFromDisposeScope())]);
    }

    static void Put(SlotRule rule, Concept concept, int[] slots, int needed, Tensor[] layers)
    {
        var device = layers[0].device;
        for (var occurrence = 0; occurrence + needed <= slots.Length; occurrence += needed)
        {
            var rows = tensor(slots.Skip(occurrence).Take(needed).Select(s => (long)s).ToArray(), device: device).unsqueeze(0); // [1, n]
            for (var layer = 0; layer < layers.Length; layer++)
                layers[layer] = SlotAssembly.Apply(rule, layers[layer], rows, (concept.Layers?[layer] ?? concept.Embeddings).to(device));
            // The other rules touch the whole sequence: once is enough.
            if (rule is not (SlotRule.Overwrite or SlotRule.Residual)) break;
        }
    }

    EncodedPrompts EncodeBase(string prompt)
    {
        Placeholder[] placeholders = [.. _concepts.Select(c => c.Placeholder)];
        Tensor?[] inputs = [.. _concepts.Select(c => c.File.Metadata.Method == "pseudo-word" ? c.Concept.Embeddings : null)];
        return _text.Encode([prompt], placeholders, inputs);
    }
}
