using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Encoder;

/// <summary>
/// Attention to some points of every level's map, at learned offsets from each query's reference
/// (<c>GroundingDinoMultiscaleDeformableAttention</c>; Deformable DETR, arXiv 2010.04159).
/// </summary>
sealed class MultiScaleDeformableAttention : Module
{
    readonly Linear _offsets;
    readonly Linear _weights;
    readonly Linear _values;
    readonly Linear _out;
    readonly long _heads;
    readonly long _levels;
    readonly long _points;

    public MultiScaleDeformableAttention(int dim, int heads, int levels, int points)
    {
        _offsets = Add("sampling_offsets", new Linear(dim, heads * levels * points * 2L));
        _weights = Add("attention_weights", new Linear(dim, heads * levels * (long)points));
        _values = Add("value_proj", new Linear(dim, dim));
        _out = Add("output_proj", new Linear(dim, dim));
        (_heads, _levels, _points) = (heads, levels, points);
    }

    /// <summary>Attends.</summary>
    /// <param name="queries">[B, Q, D], with their position embedding.</param>
    /// <param name="memory">[B, N, D].</param>
    /// <param name="padding">[B, N], bool: positions whose value is 0; null for none.</param>
    /// <param name="references">[B, Q, levels, 2] (x, y) or [B, Q, levels, 4] (x, y, w, h), in 0..1 of each level's map.</param>
    /// <param name="levels">The sizes of the maps.</param>
    /// <returns>[B, Q, D].</returns>
    public Tensor Forward(Tensor queries, Tensor memory, Tensor? padding, Tensor references, IReadOnlyList<FeatureLevel> levels)
    {
        using var scope = NewDisposeScope();
        var (batch, count) = (queries.shape[0], queries.shape[1]);
        var values = _values.Forward(memory);
        if (padding is not null) values = values.masked_fill(padding.unsqueeze(-1), 0);
        var offsets = _offsets.Forward(queries).view(batch, count, _heads, -1); // [B, Q, heads, levels points 2]
        var weights = _weights.Forward(queries).view(batch, count, _heads, -1).softmax(-1).view(batch, count, _heads, _levels, _points);
        var (origins, units) = Frames(references, levels);
        var locations = addcmul(origins, offsets, units, 1).view(batch, count, _heads, _levels, _points, 2);
        // Half precision is too coarse for places in an image.
        var type = locations.dtype;
        var mixed = DeformableAttention.Sample(
            values.view(batch, memory.shape[1], _heads, -1).to(type), [.. levels.Select(l => (l.Height, l.Width))], locations, weights.to(type)); // [B, Q, D]
        return _out.Forward(mixed.to(values.dtype)).MoveToOuterDisposeScope();
    }

    // Where each query's offsets start, and how long they are: [B, Q, 1, levels points 2], or [levels points 2] for all the same.
    // Heads, which share them, come before: sums over the last dimensions then run through memory.
    (Tensor Origins, Tensor Units) Frames(Tensor references, IReadOnlyList<FeatureLevel> levels)
    {
        // Offsets are in parts of half the reference's box, or in pixels of the level.
        if (references.shape[^1] == 4) return (OfPoints(references.narrow(-1, 0, 2)), OfPoints(references.narrow(-1, 2, 2) * (0.5 / _points)));
        var sizes = levels.SelectMany(l => Enumerable.Repeat(new[] { 1f / l.Width, 1f / l.Height }, (int)_points)).SelectMany(s => s).ToArray();
        return (OfPoints(references), tensor(sizes, references.dtype, references.device));
    }

    // [B, Q, levels, 2] -> [B, Q, 1, levels points 2]
    Tensor OfPoints(Tensor x) => x.unsqueeze(3).expand(-1, -1, -1, _points, -1).reshape(x.shape[0], x.shape[1], 1, -1);
}
