using TorchSharp;

namespace Cones.Prompts.Detection;

/// <summary>Learned slots of a caption that are of no class: image and text meet in them too, but no object is ever theirs.</summary>
public enum BackgroundKind
{
    /// <summary>There are none.</summary>
    None,

    /// <summary>Some at the caption's end, for all classes.</summary>
    Shared,

    /// <summary>Some behind the slots of each class.</summary>
    PerClass,

    /// <summary>All that the caption has anyway: start, end, and what stands between the classes.</summary>
    Caption,
}

/// <summary>The vectors that background slots hold.</summary>
/// <param name="Kind">Where they stand.</param>
/// <param name="Vectors">[n, L] for each class where they stand behind it, else once; empty where there are none.</param>
public sealed record BackgroundSlots(BackgroundKind Kind, IReadOnlyList<torch.Tensor> Vectors)
{
    const string SharedName = "<background>";
    const string CaptionName = "<separators>";

    /// <summary>No slots.</summary>
    public static BackgroundSlots None { get; } = new(BackgroundKind.None, []);

    /// <summary>The names of the vectors in concept files.</summary>
    public static IReadOnlyList<string> NamesOf(BackgroundKind kind, IReadOnlyList<string> classes) => kind switch
    {
        BackgroundKind.Shared => [SharedName],
        BackgroundKind.PerClass => [.. classes.Select(c => $"{SharedName} {c}")],
        BackgroundKind.Caption => [CaptionName],
        _ => [],
    };

    /// <summary>The slots that a concept file has.</summary>
    /// <param name="classes">The names of its classes, in order.</param>
    /// <param name="find">The vectors of a name in the file, or null.</param>
    public static BackgroundSlots Find(IReadOnlyList<string> classes, Func<string, torch.Tensor?> find)
    {
        foreach (var kind in (BackgroundKind[])[BackgroundKind.Shared, BackgroundKind.PerClass, BackgroundKind.Caption])
        {
            torch.Tensor?[] vectors = [.. NamesOf(kind, classes).Select(find)];
            if (vectors.All(v => v is not null)) return new BackgroundSlots(kind, [.. vectors.Select(v => v!)]);
        }

        return None;
    }
}
