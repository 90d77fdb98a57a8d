using Cones.Models.Assignment;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>A query of an image and the object that it is to find.</summary>
/// <param name="Image">The image's index.</param>
/// <param name="Query">The query's index.</param>
/// <param name="Target">The object's index among those of the image.</param>
public readonly record struct Sam3Match(int Image, int Query, int Target);

/// <summary>Matches queries with objects, without gradients.</summary>
public static class Sam3Matcher
{
    /// <summary>Every object gets a query of its own, with the least sum of costs (<c>BinaryHungarianMatcherV2</c>, focal).</summary>
    /// <param name="logits">[B, Q].</param>
    /// <param name="boxes">Left, top, right, bottom, [B, Q, 4].</param>
    /// <param name="targets">The objects of the B images.</param>
    /// <param name="options">The costs.</param>
    public static IReadOnlyList<Sam3Match> OneToOne(Tensor logits, Tensor boxes, IReadOnlyList<Sam3Target> targets, Sam3LossOptions options)
    {
        using var noGrad = no_grad();
        var matches = new List<Sam3Match>();
        foreach (var (image, costs) in Tables(logits, boxes, targets, (l, b, t) => Costs(l, b, t, options)))
            matches.AddRange(LinearAssignment.Solve(costs).Select((target, query) => new Sam3Match(image, query, target)).Where(m => m.Target >= 0));
        return matches;
    }

    /// <summary>
    /// Every object gets the queries whose score, of probability and IoU, is among the highest and above a threshold
    /// (<c>BinaryOneToManyMatcher</c>; DAC-DETR, Hu et al. 2023). A query may have several objects.
    /// </summary>
    /// <param name="logits">[B, Q].</param>
    /// <param name="boxes">Left, top, right, bottom, [B, Q, 4].</param>
    /// <param name="targets">The objects of the B images.</param>
    /// <param name="options">Balance, threshold and number.</param>
    public static IReadOnlyList<Sam3Match> OneToMany(Tensor logits, Tensor boxes, IReadOnlyList<Sam3Target> targets, Sam3LossOptions options)
    {
        using var noGrad = no_grad();
        var matches = new List<Sam3Match>();
        foreach (var (image, scores) in Tables(logits, boxes, targets, (l, b, t) => Scores(l, b, t, options)))
        {
            var (queries, objects) = (scores.GetLength(0), scores.GetLength(1));
            var least = Enumerable.Range(0, objects)
                .Select(t => Math.Max(options.OneToManyThreshold, Quantile([.. Enumerable.Range(0, queries).Select(q => scores[q, t])], 1 - ((double)options.OneToManyTopK / queries))))
                .ToArray();
            for (var q = 0; q < queries; q++)
                for (var t = 0; t < objects; t++)
                    if (scores[q, t] > least[t]) matches.Add(new Sam3Match(image, q, t));
        }

        return matches;
    }

    // For every image with objects a table of queries and objects.
    static IEnumerable<(int Image, double[,] Table)> Tables(Tensor logits, Tensor boxes, IReadOnlyList<Sam3Target> targets, Func<Tensor, Tensor, Tensor, Tensor> compute)
    {
        for (var image = 0; image < targets.Count; image++)
        {
            if (targets[image].Count == 0) continue;
            using var scope = NewDisposeScope();
            var objects = targets[image].Boxes.to(ScalarType.Float64, logits.device).unsqueeze(0); // [1, n, 4]
            var table = compute(logits[image].to(ScalarType.Float64).unsqueeze(1), boxes[image].to(ScalarType.Float64).unsqueeze(1), objects).cpu().contiguous(); // [Q, n]
            var numbers = new double[table.shape[0], table.shape[1]];
            Buffer.BlockCopy(table.data<double>().ToArray(), 0, numbers, 0, numbers.Length * sizeof(double));
            yield return (image, numbers);
        }
    }

    // [Q, 1], [Q, 1, 4], [1, n, 4] -> [Q, n]
    static Tensor Costs(Tensor logits, Tensor boxes, Tensor objects, Sam3LossOptions options)
    {
        var p = logits.sigmoid();
        var (alpha, gamma) = (options.CostAlpha, options.CostGamma);
        var asObject = -alpha * (1 - p).pow(gamma) * nn.functional.logsigmoid(logits);
        var asNothing = -(1 - alpha) * p.pow(gamma) * nn.functional.logsigmoid(-logits);
        var distance = (Sam3Loss.ToCenters(boxes) - Sam3Loss.ToCenters(objects)).abs().sum(-1);
        return (options.ClassCost * (asObject - asNothing)) + (options.BoxCost * distance) - (options.GiouCost * BoxOverlap.Generalized(boxes, objects));
    }

    static Tensor Scores(Tensor logits, Tensor boxes, Tensor objects, Sam3LossOptions options) =>
        (options.OneToManyAlpha * logits.sigmoid()) + ((1 - options.OneToManyAlpha) * BoxOverlap.IntersectionOverUnion(boxes, objects));

    // Between two elements: linear.
    static double Quantile(double[] values, double share)
    {
        Array.Sort(values);
        var place = Math.Max(share, 0) * (values.Length - 1);
        var low = (int)place;
        return low + 1 < values.Length ? values[low] + ((place - low) * (values[low + 1] - values[low])) : values[low];
    }
}
