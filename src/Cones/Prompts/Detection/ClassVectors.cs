using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts.Detection;

/// <summary>The vectors that a concept search for a detector starts from.</summary>
public static class ClassVectors
{
    // How far a slot is moved from the token that another slot begins with too: slots that are equal would stay equal.
    const double Spread = 0.1;

    /// <summary>The encodings of the names.</summary>
    /// <param name="caption">The encoded caption.</param>
    /// <param name="slots">Slots of each class; 0 for as many as its name has tokens.</param>
    /// <param name="seed">The seed of what tells slots apart, where a class has more slots than tokens.</param>
    /// <returns>For each class [n, L], in the caller's dispose scope.</returns>
    public static IReadOnlyList<Tensor> OfNames(CaptionEncoding caption, int slots, long seed) => Make(caption, slots, seed, (names, n, generator) =>
    {
        var tokens = (int)names.shape[0];
        int[] source = [.. Enumerable.Range(0, n).Select(i => i * tokens / n)];
        var rows = names.index_select(0, tensor(source.Select(s => (long)s).ToArray(), device: names.device));
        var repeated = tensor(source.Select((s, i) => i > 0 && source[i - 1] == s ? 1f : 0f).ToArray(), [n, 1], device: names.device);
        return rows + (RandomRows(names, n, generator) * repeated * Spread);
    });

    /// <summary>Random directions with the mean norm of the name's encodings.</summary>
    /// <inheritdoc cref="OfNames"/>
    public static IReadOnlyList<Tensor> OfRandom(CaptionEncoding caption, int slots, long seed) => Make(caption, slots, seed, RandomRows);

    /// <summary>Prototypes, brought to the mean norm of the name's encodings; further slots begin beside them.</summary>
    /// <param name="caption">The encoded caption.</param>
    /// <param name="prototypes">For each class its direction, [L].</param>
    /// <param name="slots">Slots of each class; 0 for as many as its name has tokens.</param>
    /// <param name="seed">The seed of what tells slots apart.</param>
    public static IReadOnlyList<Tensor> OfPrototypes(CaptionEncoding caption, IReadOnlyList<Tensor> prototypes, int slots, long seed)
    {
        var next = 0;
        return Make(caption, slots, seed, (names, n, generator) =>
        {
            var direction = nn.functional.normalize(prototypes[next++].to(ScalarType.Float32, names.device), 2, -1, 1e-12);
            var further = ones([n, 1], device: names.device);
            further[0].zero_();
            return (direction * names.norm(-1).mean()).expand(n, -1) + (RandomRows(names, n, generator) * further * Spread);
        });
    }

    /// <summary>Background slots: random directions with the mean norm of the names' encodings; those that the caption has begin at their encodings.</summary>
    /// <param name="caption">The encoded caption.</param>
    /// <param name="kind">Where they stand.</param>
    /// <param name="slots">Their number, for each class or once.</param>
    /// <param name="seed">The seed.</param>
    public static BackgroundSlots OfBackground(CaptionEncoding caption, BackgroundKind kind, int slots, long seed)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (kind == BackgroundKind.Caption)
        {
            var others = tensor(caption.Others.Select(t => (long)t).ToArray(), device: caption.Hidden.device);
            return new BackgroundSlots(kind, [caption.Hidden[0].index_select(0, others).MoveToOuterDisposeScope()]); // [T, L] -> [m, L]
        }

        var places = kind == BackgroundKind.PerClass ? caption.Classes.Count : kind == BackgroundKind.Shared ? 1 : 0;
        var vectors = new List<Tensor>();
        for (var i = 0; i < places; i++)
        {
            using var generator = new Generator(SeedSequence.Derive(seed, "background", i), CPU);
            vectors.Add(RandomRows(caption.VectorsOf(i), slots, generator).MoveToOuterDisposeScope());
        }

        return new BackgroundSlots(kind, vectors);
    }

    /// <summary>The mean norm of the names' encodings.</summary>
    internal static double MeanNorm(CaptionEncoding caption)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. Enumerable.Range(0, caption.Classes.Count).Select(caption.VectorsOf)], 0).norm(-1).mean().item<float>();
    }

    static Tensor RandomRows(Tensor names, int n, Generator generator)
    {
        var rows = randn([n, names.shape[1]], generator: generator).to(names.device);
        return rows / rows.norm(-1, keepdim: true) * names.norm(-1).mean();
    }

    static IReadOnlyList<Tensor> Make(CaptionEncoding caption, int slots, long seed, Func<Tensor, int, Generator, Tensor> rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var vectors = new List<Tensor>();
        for (var c = 0; c < caption.Classes.Count; c++)
        {
            using var generator = new Generator(SeedSequence.Derive(seed, "class_vectors", c), CPU);
            vectors.Add(rows(caption.VectorsOf(c), slots > 0 ? slots : caption.Classes[c].Count, generator).MoveToOuterDisposeScope());
        }

        return vectors;
    }
}
