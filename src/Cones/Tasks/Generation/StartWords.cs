using Cones.Concepts;
using Cones.Models;
using Cones.Models.Tokenizers;

namespace Cones.Tasks.Generation;

/// <summary>The words that a search starts from, and the concept, where it goes on from one.</summary>
/// <param name="Placeholder">What the text encoder sees in place of the name.</param>
/// <param name="Words">All words of the start: several where their mean is wanted.</param>
/// <param name="Candidates">The candidates that were tried, best first.</param>
/// <param name="Concept">The concept to go on from, or null.</param>
sealed record StartWords(
    Placeholder Placeholder, IReadOnlyList<string> Words, IReadOnlyList<WordScore> Candidates, ConceptFile? Concept) : IDisposable
{
    const int Neighbours = 8;

    /// <summary>Finds the words that the options ask for.</summary>
    /// <param name="options">Words and how they become a start.</param>
    /// <param name="text">The model's text side.</param>
    /// <param name="templates">The templates of the training pictures.</param>
    /// <param name="evaluation">Judges candidates.</param>
    /// <param name="onTry">Told the number of candidates before they are tried.</param>
    /// <param name="cancellation">Asks to stop.</param>
    /// <exception cref="ConesException">A word has no tokens, or the concept to start from cannot be used.</exception>
    public static StartWords Choose(
        GenerationSearchOptions options, TextSide text, IReadOnlyList<string> templates, FrozenEvaluation evaluation, Action<int> onTry, CancellationToken cancellation)
    {
        var tokenizer = text.NewTokenizer();
        if (options.StartConcept is not null) return FromConcept(options, tokenizer);

        IReadOnlyList<string> words = [.. (options.Init.Count > 0 ? options.Init : PromptTemplates.WordsOfModel(options.Model) ?? CommonWords.All).Distinct()];
        if (options.InitKind == InitKind.Nearby) words = NearbyWords.With(words, tokenizer, text.Encoder.TokenTable, Math.Max(1, Neighbours / words.Count));
        Placeholder[] candidates = [.. words.Select(w => Named(options, w, tokenizer))];
        // Of a list that nobody has named no mean is wanted.
        var isMean = options.InitKind == InitKind.Mean && options.Init.Count > 0 && options.Method != GenerationMethod.Words;
        if (candidates.Length == 1 || isMean || options.Method == GenerationMethod.Text) return new StartWords(candidates[0], isMean ? words : [words[0]], [], null);

        onTry(candidates.Length);
        var ranking = new WordTournament(text, templates, evaluation).Run(candidates, cancellation);
        return new StartWords(Named(options, ranking[0].Words, tokenizer), [ranking[0].Words], ranking, null);
    }

    /// <summary>The placeholder of some words, with as many slots as were asked for.</summary>
    public static Placeholder Named(GenerationSearchOptions options, string words, ClipTokenizer tokenizer)
    {
        var placeholder = Placeholder.ForWords(options.Name, words, tokenizer);
        return options.Slots > 0 ? placeholder with { Slots = options.Slots } : placeholder;
    }

    /// <inheritdoc/>
    public void Dispose() => Concept?.Dispose();

    /// <summary>The concept that the options name, and its words.</summary>
    /// <exception cref="ConesException">A search with these options cannot go on from it.</exception>
    public static StartWords FromConcept(GenerationSearchOptions options, ClipTokenizer tokenizer)
    {
        var path = options.StartConcept!;
        var file = ConceptFile.Load(path);
        file.RequireModel(path, GenerationModel.FingerprintOf(options.Model), options.Model);
        if (file.Concepts.Count != 1) throw new ConesException($"{path} has {file.Concepts.Count} concepts, a search goes on from one: choose another file (--start)");
        var method = GenerationMethods.NameOf(options.Method);
        if (options.Method != GenerationMethod.Full && file.Metadata.Method != method)
            throw new ConesException($"{path} was found by the method '{file.Metadata.Method}', a search with the method '{method}' cannot go on from it (--start)");
        if (options.Method == GenerationMethod.Concept && file.Metadata.SlotRule != options.Rule)
            throw new ConesException($"{path} was searched with the rule '{Prompts.SlotRules.NameOf(file.Metadata.SlotRule)}', not '{Prompts.SlotRules.NameOf(options.Rule)}' (--rule)");
        var concept = file.Concepts[0];
        if (options.Method == GenerationMethod.Concept && concept.Layers is not null && !options.PerLayer)
            throw new ConesException($"{path} has vectors of its own for each cross-attention layer: leave --shared out");
        if (options.Slots > 0 && options.Slots != concept.Embeddings.shape[0])
            throw new ConesException($"{path} has {concept.Embeddings.shape[0]} vectors, a search that goes on from it keeps them: leave --slots out");
        return new StartWords(Placeholder.Of(file, concept, options.Name, tokenizer), [file.Metadata.BaseText], [], file);
    }
}
