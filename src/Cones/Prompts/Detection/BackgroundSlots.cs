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
}

/// <summary>The vectors that background slots hold.</summary>
/// <param name="Kind">Where they stand.</param>
/// <param name="Vectors">[n, L] once where they are shared, for each class else; empty where there are none.</param>
public sealed record BackgroundSlots(BackgroundKind Kind, IReadOnlyList<torch.Tensor> Vectors)
{
    const string SharedName = "<background>";

    /// <summary>No slots.</summary>
    public static BackgroundSlots None { get; } = new(BackgroundKind.None, []);

    /// <summary>The names of the vectors in concept files.</summary>
    public static IReadOnlyList<string> NamesOf(BackgroundKind kind, IReadOnlyList<string> classes) => kind switch
    {
        BackgroundKind.Shared => [SharedName],
        BackgroundKind.PerClass => [.. classes.Select(c => $"{SharedName} {c}")],
        _ => [],
    };

    /// <summary>The slots that a concept file has.</summary>
    /// <param name="classes">The names of its classes, in order.</param>
    /// <param name="find">The vectors of a name in the file, or null.</param>
    public static BackgroundSlots Find(IReadOnlyList<string> classes, Func<string, torch.Tensor?> find)
    {
        foreach (var kind in (BackgroundKind[])[BackgroundKind.Shared, BackgroundKind.PerClass])
        {
            torch.Tensor?[] vectors = [.. NamesOf(kind, classes).Select(find)];
            if (vectors.All(v => v is not null)) return new BackgroundSlots(kind, [.. vectors.Select(v => v!)]);
        }

        return None;
    }
}
