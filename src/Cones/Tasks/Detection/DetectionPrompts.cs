using Cones.Models;
using Cones.Prompts.Detection;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Makes the prompt that a method searches, or trains the detector with.</summary>
static class DetectionPrompts
{
    const int ContextWords = 4;

    /// <summary>The prompt of a search from the beginning.</summary>
    /// <param name="options">Method, slots, start.</param>
    /// <param name="detector">The detector.</param>
    /// <param name="caption">The encoded names.</param>
    /// <param name="classes">The classes with their words.</param>
    /// <param name="plain">The training images without changes, where they are needed.</param>
    public static IDetectionPrompt Create(
        DetectionSearchOptions options, IDetector detector, CaptionEncoding caption, IReadOnlyList<ClassPrompt> classes, Func<IDetectionExamples> plain)
    {
        var seed = options.Search.Seed;
        switch (options.Method)
        {
            case DetectionMethod.Concept:
                using (var scope = NewDisposeScope())
                {
                    var initial = options.Init switch
                    {
                        ClassInit.Random => ClassVectors.OfRandom(caption, options.Slots, seed),
                        ClassInit.Prototype => ClassVectors.OfPrototypes(caption, ClassPrototypes.Of(Trainable(detector, "--init prototype"), caption, classes, plain()), options.Slots, seed),
                        _ => ClassVectors.OfNames(caption, options.Slots, seed),
                    };
                    return new ClassSlotsPrompt(caption, initial, ClassVectors.OfBackground(caption, options.Background, options.BackgroundCount, seed), options.NormBound);
                }

            case DetectionMethod.Offset:
                return new OffsetPrompt(caption);
            case DetectionMethod.PseudoWord:
                return InputWordsPrompt.PseudoWords(caption, Math.Max(1, options.Slots), detector.EncodeWords);
            case DetectionMethod.SoftContext:
                return InputWordsPrompt.SoftContext(caption, options.Slots > 0 ? options.Slots : ContextWords, SeedSequence.Derive(seed, "soft_context"), detector.EncodeWords);
            case DetectionMethod.Full:
                var trained = Trainable(detector, "--method full");
                return new TrainedCaptionPrompt(caption, () => trained.EncodeHidden(classes));
            default:
                return new CaptionPrompt(caption);
        }
    }

    /// <summary>The number of classes in each caption that a search needs.</summary>
    /// <param name="options">Classes, method, slots.</param>
    /// <param name="detector">The detector.</param>
    /// <exception cref="ConesException">A class is too long for a caption.</exception>
    public static IReadOnlyList<int> Captions(DetectionSearchOptions options, IDetector detector)
    {
        if (options.From is { } from)
        {
            using var file = StoredConcept.LoadFile(from);
            return file.Metadata.Captions;
        }

        var background = options is { Method: DetectionMethod.Concept, Background: BackgroundKind.Shared or BackgroundKind.PerClass } ? options.BackgroundCount : 0;
        var (perClass, shared) = options.Background == BackgroundKind.PerClass ? (background, 0) : (0, background);
        return CaptionChunks.Split(detector, options.ResolvedClasses, tokens => options.Method switch
        {
            DetectionMethod.Concept => (options.Slots > 0 ? options.Slots : tokens) + perClass,
            DetectionMethod.PseudoWord => Math.Max(1, options.Slots),
            DetectionMethod.SoftContext => tokens + (options.Slots > 0 ? options.Slots : ContextWords),
            _ => tokens,
        }, shared);
    }

    /// <summary>The prompt of a search that goes on from a concept.</summary>
    /// <param name="options">Method and bounds.</param>
    /// <param name="start">The concept.</param>
    /// <param name="owned">What the prompt needs and its owner disposes.</param>
    public static IDetectionPrompt Create(DetectionSearchOptions options, StoredConcept start, List<IDisposable> owned)
    {
        var found = start.CreatePrompt(options.NormBound);
        if (options.Method != DetectionMethod.Offset) return found;
        using (found)
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            var built = found.Build([0]);
            var caption = new CaptionEncoding(built.Embeddings.clone(), built.Mask!.clone(), found.Classes);
            owned.Add(caption);
            return new OffsetPrompt(caption);
        }
    }

    /// <summary>The detector as one whose weights can be trained.</summary>
    /// <exception cref="ConesException">Its family has no training here.</exception>
    public static ITrainableDetector Trainable(IDetector detector, string option) => detector as ITrainableDetector
        ?? throw new ConesException($"detectors of the family '{detector.Family}' cannot do that yet ({option}): use concept, offset, pseudo-word, soft-context or text");
}
