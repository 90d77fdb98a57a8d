using Cones.Data;
using Cones.Models;
using Cones.Prompts.Detection;
using TorchSharp;

namespace Cones.Tasks.Detection;

/// <content>What is left open, and what cannot be.</content>
public sealed partial record DetectionSearchOptions
{
    /// <summary>Views that are made where only the kind of change is named.</summary>
    const int DefaultViews = 4;

    /// <summary>What decides which step is best.</summary>
    internal StepChoice ResolvedChoice => Choice ?? (Validation is null ? StepChoice.Loss : StepChoice.Ap);

    /// <summary>Whether a recipe changes the training images.</summary>
    internal bool Augments => (Augmentation ?? (Method == DetectionMethod.Full || Views > 0 ? AugmentationKind.Reference : AugmentationKind.None)) == AugmentationKind.Reference;

    /// <summary>The changed views of an image that are kept; none where all are made anew.</summary>
    internal int KeptViews => !Augments || Method == DetectionMethod.Full ? 0 : Views > 0 ? Views : DefaultViews;

    /// <summary>The options with the classes of <see cref="From"/>.</summary>
    /// <exception cref="ConesException">The file cannot be read, or cannot be gone on from.</exception>
    public DetectionSearchOptions WithStart()
    {
        if (From is null) return this;
        using var file = StoredConcept.LoadFile(From);
        if (!Method.CanFollow())
            throw new ConesException($"the method {System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(Method.ToString())} does not go on from a concept: it learns at the text encoder's input, a concept stands at its output (--from); concept, offset, linear and full do");
        if (Method == DetectionMethod.Concept && file.Metadata.SlotRule == Prompts.SlotRule.FullWithStart)
            throw new ConesException($"{From} holds a whole caption of the method '{file.Metadata.Method}', no vectors of classes: go on from it with offset, linear or full (--method)");
        if (Classes.Count > 0 && !Classes.Select(c => c.Name).ToHashSet().SetEquals(file.Metadata.Classes.Select(c => c.Name)))
            throw new ConesException($"{From} has the classes {string.Join(", ", file.Metadata.Classes.Select(c => c.Name))}, and a search that goes on from it keeps them: leave --classes out");
        if (Slots > 0) throw new ConesException($"a search that goes on from {From} keeps its slots: leave --slots out");
        if (Candidates.Count > 0) throw new ConesException($"a search that goes on from {From} keeps its vectors: leave --candidates out");
        return this with { Classes = file.Metadata.Classes };
    }

    /// <summary>Checks what does not need the model.</summary>
    /// <exception cref="ConesException">An option is out of its range, or does not suit the data.</exception>
    public void Validate()
    {
        if (Train.Images.Count == 0) throw new ConesException("the training data holds no images: name a data set that does (--data)");
        if (Validation is { Images.Count: 0 }) throw new ConesException("the validation data holds no images: name a data set that does (--val), or leave it out");
        if (Slots < 0) throw new ConesException($"{Slots} slots asked for, at least 0 are needed (--slots; 0: as many as a class's name has tokens)");
        if (BackgroundCount < 1) throw new ConesException($"{BackgroundCount} background slots asked for, at least 1 is needed (--background-slots; none: leave --background out)");
        if (Views < 0) throw new ConesException($"{Views} views asked for, at least 0 are needed (--views)");
        if (!(NormBound >= 0 && double.IsFinite(NormBound))) throw new ConesException($"the norm bound is {NormBound}, at least 0 is needed (--norm-bound; 0: none)");
        if (FeatureMemoryBytes < 0) throw new ConesException("the memory for features is below 0 (--feature-memory)");
        if (Views > 0 && Method == DetectionMethod.Full) throw new ConesException("full training makes its views anew every time, none are kept: leave --views out");
        if (Views > 0 && Augmentation == AugmentationKind.None) throw new ConesException($"{Views} changed views asked for, and no change: leave --augment out (--views)");
        if (Method.TrainsWeights() && Precision != torch.ScalarType.Float32)
            throw new ConesException($"the method {Method.ToString().ToLowerInvariant()} trains the weights themselves, which needs fp32: leave --precision out");
        if (Choice == StepChoice.Ap && Validation is null) throw new ConesException("average precision is measured on validation images: name some (--val), or choose by the loss (--choose loss)");
        ClassPrompt.RequireDistinct(ResolvedClasses);
        if (Candidates.Keys.FirstOrDefault(n => ResolvedClasses.All(c => c.Name != n)) is { } candidate)
            throw new ConesException($"there are candidates for the class '{candidate}', but only the classes {string.Join(", ", ResolvedClasses.Select(c => c.Name))} (--candidates)");
        RequireClasses(Train, "--data");
        if (Validation is not null) RequireClasses(Validation, "--val");

        var found = Shown(Train);
        if (Method != DetectionMethod.Text && ResolvedClasses.FirstOrDefault(c => !found.Contains(c.Name)) is { } absent)
            throw new ConesException($"no training image shows the class '{absent.Name}': leave it out (--classes), or add images of it (--data)");
        if (Validation is not null && !ResolvedClasses.Any(c => Shown(Validation).Contains(c.Name)))
            throw new ConesException($"no validation image shows any of the classes {string.Join(", ", ResolvedClasses.Select(c => c.Name))}: name images that do (--val), or leave it out");
        Search.Validate();
    }

    void RequireClasses(DetectionDataset data, string option)
    {
        var names = data.CategoryNames;
        if (ResolvedClasses.FirstOrDefault(c => !names.Contains(c.Name)) is { } unknown)
            throw new ConesException($"the data has no class '{unknown.Name}', only {string.Join(", ", names.Take(20))} ({option})");
        if (data.Categories.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ConesException($"the data has {twice.Count()} classes called '{twice.Key}' (ids {string.Join(", ", twice.Select(c => c.Id))}): give each a name of its own ({option})");
    }

    static HashSet<string> Shown(DetectionDataset data) =>
        [.. data.Images.SelectMany(i => i.Annotations).Where(a => !a.IsCrowd && data.CategoryIndex(a.CategoryId) >= 0).Select(a => data.Categories[data.CategoryIndex(a.CategoryId)].Name)];
}
