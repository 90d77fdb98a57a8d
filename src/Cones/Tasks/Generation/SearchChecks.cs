using Cones.Models;
using Cones.Models.Tokenizers;
using TorchSharp;

namespace Cones.Tasks.Generation;

/// <summary>Finds in a moment what would otherwise fail after minutes of loading and encoding.</summary>
static class SearchChecks
{
    // Words that the vocabulary lacks have two pieces if they are compounds, more if they are names, misspelt or of another language.
    const int PiecesOfStrangeWords = 3;

    /// <summary>Checks everything that needs no weights: name, words, templates, captions, masks, the concept to start from.</summary>
    /// <param name="options">The search.</param>
    /// <param name="model">Its model.</param>
    /// <param name="onWarning">Told what can be used but is probably not meant.</param>
    /// <exception cref="ConesException">Something cannot be used; the message names it and the remedy.</exception>
    public static void Run(GenerationSearchOptions options, GenerationModel model, Action<string> onWarning)
    {
        var side = options.Resolution > 0 ? options.Resolution : model.Resolution;
        if (side % model.VaeConfig.Reduction != 0)
            throw new ConesException($"the resolution {side} is no multiple of {model.VaeConfig.Reduction}, which this model needs (--resolution)");
        var captions = options.Images.Select(TrainingViews.LoadCaption).OfType<string>();
        if (options.Masks is not null)
            foreach (var image in options.Images) TrainingViews.MaskOf(options.Masks, image);

        var folder = Path.Combine(options.Model, "tokenizer");
        var tokenizer = ClipTokenizer.FromFolder(folder);
        if (tokenizer.IdOf(options.Name.ToLowerInvariant() + "</w>") is not null)
            throw new ConesException($"the name '{options.Name}' is a word that prompts use otherwise: use one of your own, such as <{options.Name}> (--name)");
        string[] templates = [.. TrainingSet.GeneralTemplates(options), .. captions.Distinct()];
        if (options.StartConcept is not null)
        {
            using var start = StartWords.FromConcept(options, tokenizer);
            Fit(start.Placeholder);
            return;
        }

        foreach (var words in options.Init) Fit(StartWords.Named(options, words, tokenizer));
        foreach (var word in options.Init.SelectMany(w => w.Split(' ')).Distinct())
            if (tokenizer.Encode(word).Length - 2 is >= PiecesOfStrangeWords and var pieces)
                onWarning($"the model has no word '{word}' and reads it as {pieces} pieces: is it spelt right? (--init)");

        void Fit(Placeholder placeholder)
        {
            using var scope = torch.NewDisposeScope();
            var placed = new PlaceholderTokenizer(ClipTokenizer.FromFolder(folder), [placeholder]);
            _ = TextSide.SlotsOf(templates, [.. templates.Select(t => placed.Encode(PromptTemplates.Fill(t, placeholder.Name)))], placeholder);
        }
    }
}
