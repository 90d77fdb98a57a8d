using Cones.Concepts;
using Cones.Models;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>How well a concept that was found explains pictures: the denoising loss on a frozen batch of them, e.g. of pictures that its search did not see.</summary>
public static class ConceptLoss
{
    /// <summary>The mean loss. It depends on the concept, the pictures and the seed alone, so that concepts of all methods can be compared.</summary>
    /// <param name="file">The concept.</param>
    /// <param name="options">The model, the pictures (<see cref="GenerationSearchOptions.Images"/>), templates, rows and seed; how was searched does not matter.</param>
    /// <param name="denoiser">The folder of a denoiser that was trained further with the concept; null for the model's own.</param>
    /// <exception cref="ConesException">A picture or the model cannot be read, or the concept is for another model.</exception>
    public static double Of(ConceptFile file, GenerationSearchOptions options, string? denoiser = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        file.RequireModel(options.Name, GenerationModel.FingerprintOf(options.Model), options.Model);
        using var model = GenerationModel.FromFolder(options.Model, options.Loading, denoiser);
        using var data = TrainingSet.Create(options, model, folder: null);
        using var evaluation = new FrozenEvaluation(new GenerationTask(model, data.Latents), data.Sampler, options.EvaluationRows, options.BatchSize);
        using var encodings = Encode(file, options, model, data.Templates);
        if (IsWord(file)) return evaluation.Loss(new TextPrompt(encodings));
        using var prompt = SearchPrompts.Found(file, encodings);
        return evaluation.Loss(prompt);
    }

    static TemplateEncodings Encode(ConceptFile file, GenerationSearchOptions options, GenerationModel model, IReadOnlyList<string> templates)
    {
        var concept = file.Concepts[0];
        using var text = model.LoadText(IsWord(file) ? ScalarType.Float32 : null);
        var placeholder = Placeholder.Of(file, concept, options.Name, text.NewTokenizer());
        return text.EncodeTemplates(templates, placeholder, IsWord(file) ? concept.Embeddings : null);
    }

    // Its vectors belong at the encoder's input.
    static bool IsWord(ConceptFile file) => file.Metadata.Method == GenerationMethods.NameOf(GenerationMethod.PseudoWord);
}
